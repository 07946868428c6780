"""`python -m tests.contract.load_balancer_controller`: asks the controller's code, and writes its answers down."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.contract.load_balancer_controller.layouts import layouts

HERE = Path(__file__).parent
TABLE = HERE / "subnets.json"


def main() -> int:
    asked = [layout.document() for layout in layouts()]
    # Its own go.mod names the controller's commit, the one that the lab runs.
    finished = subprocess.run(
        ["go", "run", "-trimpath", "."], cwd=HERE, input=json.dumps(asked), capture_output=True, text=True, check=False
    )
    if finished.returncode != 0:
        print(finished.stderr, file=sys.stderr)
        return 1
    answers = [
        {"asked": question, "answer": answer}
        for question, answer in zip(asked, json.loads(finished.stdout), strict=True)
    ]
    TABLE.write_text("[\n" + ",\n".join(json.dumps(each, sort_keys=True) for each in answers) + "\n]\n")
    print(
        f"{len(answers)} layouts, {sum('chosen' in each['answer'] for each in answers)} with a load balancer: {TABLE}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

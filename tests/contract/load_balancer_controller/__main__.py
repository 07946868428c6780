"""`python -m tests.contract.load_balancer_controller`: asks the controller's code, and writes its answers down."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.contract.load_balancer_controller.ingresses import ingresses
from tests.contract.load_balancer_controller.layouts import layouts

HERE = Path(__file__).parent
TABLE = HERE / "subnets.json"
INGRESSES = HERE / "ingresses.json"
NAMES = HERE / "annotations.json"
_MODULE = "sigs.k8s.io/aws-load-balancer-controller"


def main() -> int:
    asked = {"layouts": [layout.document() for layout in layouts()], "ingresses": [dict(one) for one in ingresses()]}
    # Its own go.mod names the controller's commit, the one that the lab runs.
    try:
        answers = json.loads(_go("run", "-trimpath", ".", given=json.dumps(asked)))
        source = Path(_go("list", "-m", "-f", "{{.Dir}}", _MODULE).strip())
    except subprocess.CalledProcessError as error:
        print(error.stderr, file=sys.stderr)
        return 1
    _write(TABLE, asked["layouts"], answers["layouts"])
    _write(INGRESSES, asked["ingresses"], answers["ingresses"])
    names = re.findall(r'Ingress(?:LB)?Suffix\w+\s+= "([^"]+)"', _constants(source))
    NAMES.write_text(json.dumps(sorted(names), indent=0) + "\n")
    print(
        f"{len(asked['layouts'])} layouts, {sum('chosen' in each for each in answers['layouts'])} with a load balancer"
    )
    print(f"{len(asked['ingresses'])} Ingresses, {sum('error' not in each for each in answers['ingresses'])} with one")
    return 0


def _constants(source: Path) -> str:
    return (source / "pkg" / "annotations" / "constants.go").read_text(encoding="utf-8")


def _go(*command: str, given: str = "") -> str:
    return subprocess.run(["go", *command], cwd=HERE, input=given, capture_output=True, text=True, check=True).stdout


def _write(table: Path, asked: Sequence[Any], answers: Sequence[Any]) -> None:
    rows = [{"asked": question, "answer": answer} for question, answer in zip(asked, answers, strict=True)]
    table.write_text("[\n" + ",\n".join(json.dumps(each, sort_keys=True) for each in rows) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

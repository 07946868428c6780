"""`python -m examples NAME`: runs one example against the cluster that KUBECONFIG names."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCRIPT = "run.py"


def names() -> tuple[str, ...]:
    """The examples that are here: each a directory with a script `run.py`, which has a function `main`."""
    return tuple(sorted(path.parent.name for path in HERE.glob(f"*/{SCRIPT}")))


def main(arguments: list[str]) -> int:
    """The exit code: the example's own, or 2 for wrong usage."""
    if len(arguments) != 1 or arguments[0] not in names():
        print(f"usage: python -m examples NAME, one of: {', '.join(names())}", file=sys.stderr)
        return 2
    # By path: the directories' names are not Python's.
    spec = importlib.util.spec_from_file_location("example", HERE / arguments[0] / SCRIPT)
    if spec is None or spec.loader is None:
        raise ImportError(f"{HERE / arguments[0] / SCRIPT} is no Python file")
    example = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = example
    spec.loader.exec_module(example)
    return int(example.main())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`pulumi preview --policy-pack policy`: the process that the engine asks. By hand it only waits for one."""

from __future__ import annotations

import sys
from pathlib import Path

# The language host runs this folder; the rooms are beside it. A file of this folder must not stand for a package.
_HERE = Path(__file__).resolve().parent
sys.path[:] = [str(_HERE.parent), *(entry for entry in sys.path if Path(entry or ".").resolve() != _HERE)]

from policy.crossguard import serve  # noqa: E402

if __name__ == "__main__":
    serve()

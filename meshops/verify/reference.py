"""The part of docs/verify.md that is made from the checks themselves: `python -m meshops.verify.reference`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from meshops.checks.model import Check
from meshops.verify.check import LAYERS
from meshops.verify.registry import CHECKS
from policy.page import rewrite

BEGIN = "<!-- from here on made from the checks: make docs -->"


def reference() -> str:
    """Every check by layer: what it shows, how, and what to do about a fail."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    for layer in LAYERS:
        yield f"## {layer}"
        yield ""
        for check in (check for check in CHECKS if check.section == layer):
            yield from _entry(check)


def _entry(check: Check) -> Iterator[str]:
    yield f"### {check.id} {check.name}"
    yield ""
    yield f"{check.shows}"
    yield ""
    yield f"- How: {check.how}"
    yield f"- If it fails ({check.severity}): {check.remedy}"
    yield ""


if __name__ == "__main__":
    rewrite(Path(sys.argv[1]), BEGIN, reference())

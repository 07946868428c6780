"""The part of docs/policies.md that is made from the rules themselves: `python -m policy.reference`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from policy.page import rewrite
from policy.registry import RULES
from policy.rule import FAMILIES, STACK, Rule

BEGIN = "<!-- from here on made from the rules: make docs -->"


def reference() -> str:
    """Every rule by family: what holds, why, where that stands, and what to do about a finding."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    for family in FAMILIES:
        yield from (f"## {family}", "")
        for rule in RULES:
            if rule.family == family:
                yield from _entry(rule)


def _entry(rule: Rule) -> Iterator[str]:
    yield from (f"### {rule.id} {rule.title}", "", rule.why, "")
    yield f"- Severity: {rule.severity}{'' if rule.stops else ', which stops nothing'}"
    yield f"- Looks at: {_about(rule)}"
    yield f"- Remedy: {rule.remedy}"
    yield f"- Source: {rule.source}"
    yield ""


def _about(rule: Rule) -> str:
    if STACK in rule.about:
        return "the stack as a whole"
    names = ", ".join(f"`{name}`" for name in rule.about)
    return f"{names}, before it is made" if rule.alone else f"{names}, and what stands around it"


if __name__ == "__main__":
    rewrite(Path(sys.argv[1]), BEGIN, reference())

"""What a rule is, and what it finds. Data and plain functions; nothing here knows who runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from policy.resources import Resource
    from policy.stack import Stack

Family = Literal[
    "Suppressions",
    "The seven traps",
    "Weakenings",
    "Encryption",
    "Authorization",
    "Egress",
    "Workloads",
    "AWS",
    "Order",
    "State",
]
FAMILIES: tuple[Family, ...] = get_args(Family)
"""In the order of the first digit of their rules' ids."""

Severity = Literal["critical", "high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""critical: the mesh, or something of it, is open; high: one wall fewer; medium: it will fail one day; low: said, and
stops nothing."""

STACK = "(stack)"
"""In `about`: the rule is asked once, for the stack as a whole."""


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """What is wrong with one resource. field: where in it; value: what stands there, as it may be shown.

    subject: instead of the resource's name, e.g. a setting. says: what the rule's title does not.
    """

    field: str
    value: str = "(not set)"
    says: str = ""
    subject: str = ""


Check = Callable[["Resource", "Stack"], Iterable[Flaw]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule.

    id: `MR` and three digits, the first the family's; stable and never reused.
    title: what holds, in a sentence. why: what happens otherwise. source: where that stands.
    remedy: what to do about a finding.
    about: the kinds (`Deployment`) or types (`aws:kms/key:Key`) that it is asked about, each resource by itself;
           `STACK` once for all.
    alone: it looks at this one resource and the settings only, so that the engine can ask before it makes it.
    """

    id: str
    family: Family
    title: str
    why: str
    source: str
    severity: Severity
    remedy: str
    about: tuple[str, ...]
    alone: bool
    check: Check

    @property
    def stops(self) -> bool:
        """Whether a finding ends a preview, an update and a plan; a low one is only said."""
        return self.severity != "low"


def rule(
    id: str,
    family: Family,
    *,
    title: str,
    why: str,
    source: str,
    severity: Severity,
    remedy: str,
    about: tuple[str, ...],
    alone: bool = True,
) -> Callable[[Check], Rule]:
    """Makes a rule of a function that looks at one resource."""

    def make(check: Check) -> Rule:
        return Rule(
            id=id,
            family=family,
            title=title,
            why=why,
            source=source,
            severity=severity,
            remedy=remedy,
            about=about,
            alone=alone and STACK not in about,
            check=check,
        )

    return make


def shown(value: Any) -> str:
    """A value as a finding shows it: short, and without quotes where it is a text."""
    if value is None:
        return "(not set)"
    if isinstance(value, bool):
        return str(value).lower()
    text = f"[{', '.join(shown(item) for item in value)}]" if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."

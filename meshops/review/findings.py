"""What the policies find that they did not find before, apart from what stood there all along."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from meshops.review.facts import NOTHING, Planned
from meshops.review.lines import Line
from meshops.review.text import code, counted
from policy.registry import RULES
from policy.rule import FAMILIES, SEVERITIES

_WEAKENING = f"MR{FAMILIES.index('Weakenings')}"

Entry = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Entries of policy.json. new, standing, gone: without the weakenings; stopping: of the new and the standing."""

    new: tuple[Entry, ...]
    formerly: Mapping[tuple[str, ...], str]
    """Of a new one (its rule, resource and field) that stood there with another value, that value."""
    standing: tuple[Entry, ...]
    gone: tuple[Entry, ...]
    weakened: tuple[Entry, ...]
    """The new weakenings."""
    strengthened: tuple[Entry, ...]
    weakenings: int
    """All that the head has."""
    suppressed: tuple[Entry, ...]
    """The newly suppressed findings."""
    not_judged: tuple[Entry, ...]
    fewer_rules: int
    """How many rules fewer than the base had."""

    @property
    def stopping(self) -> tuple[Entry, ...]:
        return tuple(one for one in (*self.new, *self.standing) if one.get("stops"))


def findings(old: Planned, new: Planned) -> Findings:
    before = {_key(one): one for one in old.findings}
    now = {_key(one): one for one in new.findings}
    come = [one for key, one in now.items() if key not in before]
    gone = [one for key, one in before.items() if key not in now]
    let = {_key(one) for one in old.suppressed}
    places = {_place(one) for one in come}
    formerly = {_place(one): str(one.get("value", "")) for one in gone if _place(one) in places}
    gone = [one for one in gone if _place(one) not in formerly]
    return Findings(
        formerly=formerly,
        new=tuple(sorted((one for one in come if not _is_weakening(one)), key=_weight)),
        standing=tuple(one for key, one in now.items() if key in before and not _is_weakening(one)),
        gone=tuple(one for one in gone if not _is_weakening(one)),
        weakened=tuple(one for one in come if _is_weakening(one)),
        strengthened=tuple(one for one in gone if _is_weakening(one)),
        weakenings=sum(map(_is_weakening, now.values())),
        suppressed=tuple(one for one in new.suppressed if _key(one) not in let),
        not_judged=new.not_judged,
        fewer_rules=max(0, old.rules - new.rules) if old is not NOTHING else 0,
    )


def lines(found: Findings) -> Iterator[Line]:
    """What is new, the worst first; then what no longer stands."""
    if found.fewer_rules:
        yield Line(text=f"**{counted(found.fewer_rules, 'rule')} fewer** than on the base judge this plan.")
    for one in found.new:
        stops = ", stops it" if one.get("stops") else ""
        remedy = f"Remedy: {_own(one, 'remedy')}"
        yield Line(text=f"**{_severity(one)}{stops}**: {_told(one)}{_formerly(one, found)} {remedy}")
    for one in found.weakened:
        yield Line(text=f"**Weakening**: {_weakening(one)}{_formerly(one, found)}")
    for one in found.suppressed:
        reason = f"until {code(one.get('expires', ''))}: {code(one.get('reason', ''), limit=300)}"
        yield Line(text=f"**Suppressed**, {reason}: {_told(one)}")
    for one in found.not_judged:
        rule, resource = code(one.get("rule", "")), code(one.get("resource", ""))
        yield Line(text=f"**Not judged**: {rule} of {resource}: {code(one.get('where', ''))} is not known.")
    for one in found.gone:
        yield Line(text=f"No longer found: {_told(one)}", opens=False)
    for one in found.strengthened:
        yield Line(text=f"No longer weakened: {_weakening(one)}", opens=False)


def standing(found: Findings) -> Iterator[Line]:
    """What the base had too."""
    for one in found.standing:
        yield Line(text=f"{_severity(one)}: {_told(one)}", opens=bool(one.get("stops")))


def _told(one: Entry) -> str:
    says = f", {code(one['says'], limit=300)}" if one.get("says") else ""
    rule = f"{code(one.get('rule', '?'))} {_own(one, 'title')}"
    return f"{rule} {code(one.get('resource', ''))}, {code(one.get('field', ''))} = {code(one.get('value', ''))}{says}."


def _own(one: Entry, name: str) -> str:
    """A text of a rule: as text where it is what this revision's rule says, else as code like all of a stranger's."""
    text = str(one.get(name, ""))
    known = next((rule for rule in RULES if rule.id == one.get("rule")), None)
    return text if known and text == getattr(known, name) else code(text, limit=300)


def _weakening(one: Entry) -> str:
    return f"{code(one.get('field', ''))} = {code(one.get('value', ''))}: {code(one.get('says', ''), limit=300)}"


def _formerly(one: Entry, found: Findings) -> str:
    was = found.formerly.get(_place(one))
    return f" Before: {code(was)}." if was is not None else ""


def _place(one: Entry) -> tuple[str, ...]:
    return tuple(str(one.get(name, "")) for name in ("rule", "resource", "field"))


def _severity(one: Entry) -> str:
    severity = str(one.get("severity", ""))
    return severity.capitalize() if severity in SEVERITIES else "Of unknown severity"


def _key(one: Entry) -> tuple[str, ...]:
    return tuple(str(one.get(name, "")) for name in ("rule", "resource", "field", "value", "says"))


def _weight(one: Entry) -> int:
    severity = one.get("severity")
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1


def _is_weakening(one: Entry) -> bool:
    return str(one.get("rule", "")).startswith(_WEAKENING)

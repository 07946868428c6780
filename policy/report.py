"""A verdict in words: for a terminal, as Markdown, as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from policy.judge import Finding, Verdict

_WEAKENINGS = "Weakenings"
ROWS = 200
"""Longer tables are cut there, with a note of how many rows are left out: `policy.json` has them all."""


def summary(verdict: Verdict) -> str:
    """`77 rules, nothing found, 8 weakenings named`: one line."""
    weakened = len(_weakenings(verdict))
    found = len(verdict.findings) - weakened
    parts = [
        f"{verdict.rules} rules",
        f"{found} found, {len(verdict.stopping)} of which stop it" if found else "nothing found",
        f"{weakened} weakenings named",
    ]
    if verdict.suppressed:
        parts.append(f"{len(verdict.suppressed)} suppressed")
    if verdict.not_judged:
        parts.append(f"{len(verdict.not_judged)} not judged")
    return ", ".join(parts)


def text(verdict: Verdict, *, weakenings: bool = True) -> str:
    """Every finding below its rule, with what to do; then what was named, suppressed and not judged."""
    lines: list[str] = []
    for rule, found in groupby(_others(verdict), key=lambda one: one.rule):
        lines += [f"{rule.severity.upper():9}{rule.id} {rule.title}", f"{'':9}{rule.why}"]
        for one in found:
            lines += [f"{'':9}- {one.subject}", f"{'':11}{one.text}"]
        lines += [f"{'':9}remedy: {rule.remedy}", ""]
    lines += _listed("Weakenings that the settings name", _weakened(verdict) if weakenings else ())
    lines += _listed(
        "Suppressed",
        (f"{one.rule.id} {one.subject}: until {by.expires}: {by.reason}" for one, by in verdict.suppressed),
    )
    lines += _listed(
        "Not judged, since something is not known",
        (f"{one.rule.id} {one.subject}: {one.where}" for one in verdict.not_judged),
    )
    return "\n".join(lines).rstrip()


def markdown(verdict: Verdict) -> str:
    """The same for a plan's summary, which has the weakenings in a section of their own."""
    lines = [f"{summary(verdict)[0].upper()}{summary(verdict)[1:]}. docs/policies.md has the rules."]
    lines += _table(
        ("Severity", "Rule", "Resource", "What stands there", "Remedy"),
        [
            (one.rule.severity, f"{one.rule.id} {one.rule.title}", f"`{one.subject}`", _cell(one.text), one.rule.remedy)
            for one in _others(verdict)
        ],
    )
    lines += _table(
        ("Suppressed", "Resource", "Until", "Reason"),
        [
            (f"{one.rule.id} {one.rule.title}", f"`{one.subject}`", str(by.expires), by.reason)
            for one, by in verdict.suppressed
        ],
    )
    lines += _table(
        ("Not judged", "Resource", "Not known"),
        [(one.rule.id, f"`{one.subject}`", _cell(one.where)) for one in verdict.not_judged],
    )
    return "\n".join(lines)


def data(verdict: Verdict) -> dict[str, Any]:
    """`policy.json`: findings, suppressed, notJudged; each with its rule's id."""
    return {
        "rules": verdict.rules,
        "findings": [_entry(one) for one in verdict.findings],
        "suppressed": [
            {**_entry(one), "reason": by.reason, "expires": str(by.expires)} for one, by in verdict.suppressed
        ],
        "notJudged": [{"rule": one.rule.id, "resource": one.subject, "where": one.where} for one in verdict.not_judged],
    }


def _entry(finding: Finding) -> dict[str, Any]:
    rule, flaw = finding.rule, finding.flaw
    return {
        "rule": rule.id,
        "title": rule.title,
        "severity": rule.severity,
        "stops": rule.stops,
        "resource": finding.subject,
        "urn": finding.urn,
        "field": flaw.field,
        "value": flaw.value,
        "says": flaw.says,
        "remedy": rule.remedy,
    }


def _weakenings(verdict: Verdict) -> list[Finding]:
    return [one for one in verdict.findings if one.rule.family == _WEAKENINGS]


def _weakened(verdict: Verdict) -> Iterator[str]:
    return (one.text for one in _weakenings(verdict))


def _others(verdict: Verdict) -> list[Finding]:
    return [one for one in verdict.findings if one.rule.family != _WEAKENINGS]


def _listed(title: str, items: Iterable[str]) -> list[str]:
    lines = [f"  {item}" for item in items]
    return [f"{title}:", *lines, ""] if lines else []


def _cell(value: str) -> str:
    return value.replace("|", "\\|").replace("\n", " ").replace("*", "\\*")


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    lines = ["", "| " + " | ".join(head) + " |", "|" + "|".join(" --- " for _ in head) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows[:ROWS]]
    return lines if len(rows) <= ROWS else [*lines, "", f"… and {len(rows) - ROWS} more."]

"""The comparison of two plans as Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from changes.comparison import Comparison, DiffError, PlanFiles, compare, name_of, read, type_of
from changes.replacements import STATEFUL
from meshops.plan import revisions

__all__ = ["Comparison", "DiffError", "PlanFiles", "compare", "read", "render"]

_LIMIT = 100
"""Resources in each section and fields in each resource; a comment on a pull request has an end."""


def render(comparison: Comparison, *, stack: str) -> str:
    """The comparison as Markdown."""
    waiting = comparison.waiting
    acted_on = {key: changes for key, changes in comparison.changed.items() if key not in waiting}
    counts = f"{len(comparison.added)} added, {len(comparison.removed)} removed, {len(acted_on)} changed"
    if comparison.replaced:
        counts = f"{len(comparison.replaced)} REPLACED, {counts}"
    lines = [f"## Plan of stack `{stack}`: {counts}", ""]
    lines += _losses(comparison)
    lines += revisions.render(comparison.moves, comparison.gone)
    stay = f"{comparison.unchanged + len(waiting)} resources stay as they are"
    lines += [f"{stay}, {len(waiting)} of them after others than before." if waiting else f"{stay}."]
    if comparison.unrecorded:
        names = ", ".join(f"`{name}`" for name in comparison.unrecorded)
        lines += ["", f"Whether a change replaces these is not recorded; `pulumi preview` knows: {names}."]
    for title, keys in (("Added", comparison.added), ("Removed", comparison.removed)):
        if keys:
            lines += ["", f"### {title}", "", "| Resource | Type |", "| --- | --- |"]
            lines += [f"| {_cell(name_of(key))} | {_cell(type_of(key))} |" for key in keys[:_LIMIT]]
            lines += _rest(len(keys), "resources")
    if acted_on:
        lines += ["", "### Changed"]
        for key, changes in list(acted_on.items())[:_LIMIT]:
            lines += [
                "",
                f"**`{name_of(key)}`** (`{type_of(key)}`)",
                "",
                "| Field | Before | After |",
                "| --- | --- | --- |",
            ]
            lines += [f"| `{change.path}` | {_cell(change.old)} | {_cell(change.new)} |" for change in changes[:_LIMIT]]
            lines += _rest(len(changes), "fields")
        lines += _rest(len(acted_on), "resources")
    return "\n".join(lines)


def _losses(comparison: Comparison) -> list[str]:
    """What cannot be taken back, before all else: a comment may be cut, and a reader may stop."""
    lines: list[str] = []
    for key in comparison.lost[:_LIMIT]:
        verb = "REPLACED" if key in comparison.replaced else "REMOVED"
        lines += [f"**{verb}: `{name_of(key)}` (`{type_of(key)}`): {STATEFUL[type_of(key)]}.**", ""]
    for host in comparison.unnamed[:_LIMIT]:
        lines += [
            f"**REMOVED: the DNS record of `{host}`, which the gateway goes on serving: its clients find it no more. "
            "Where its namespace leaves the mesh, `dnsRecords: always` keeps it.**",
            "",
        ]
    if comparison.replaced:
        lines += ["### REPLACED: deleted and made anew", "", "| Resource | Type | Because of |", "| --- | --- | --- |"]
        lines += [
            f"| {_cell(name_of(key))} | {_cell(type_of(key))} | {', '.join(f'`{name}`' for name in because)} |"
            for key, because in list(comparison.replaced.items())[:_LIMIT]
        ]
        lines += _rest(len(comparison.replaced), "resources")
        lines += ["", "What refers to one of them by its id may be replaced with it; `pulumi preview` names those.", ""]
    return lines


def _cell(text: str | None) -> str:
    if text is None:
        return "(not set)"
    cut = text if len(text) <= 200 else f"{text[:197]}..."
    # Two backticks around, so that one inside stays text; a table's cell is one line.
    escaped = cut.replace("|", "\\|").replace("\n", "⏎")
    return f"`` {escaped} ``" if "`" in escaped else f"`{escaped}`" if escaped else '`""`'


def _rest(count: int, what: str) -> Iterable[str]:
    return ("", f"… and {count - _LIMIT} more {what}.") if count > _LIMIT else ()

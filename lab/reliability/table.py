"""docs/reliability.md: its table, in which a run replaces the rows of its own steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.reliability.measuring import Measured
from lab.reliability.requests import Outcome
from lab.reliability.steps import Step

BEGIN, END = "<!-- steps: begin -->", "<!-- steps: end -->"
_HEAD = (
    "| Step | | What is done | Through | Requests | Lost | Longest gap | p50 / p99 before | during | after |",
    "| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
)


def rows(step: Step, measured: Measured, naive: Measured | None) -> tuple[str, ...]:
    """A row for each place the load came from, and the same for the control."""
    made = [_row(step, step.kind, step.what, each) for each in measured.places]
    if naive is not None and step.naive is not None:
        made += [_row(step, "naive", step.naive.what, each) for each in naive.places]
    return tuple(made)


def updated(text: str, order: Sequence[str], new: Mapping[str, Sequence[str]]) -> str:
    """The page with these steps' rows in place of what it had of them. order: of all steps, by name.

    Raises KeyError if the page has no place for the table.
    """
    try:
        head, rest = text.split(BEGIN, 1)
        old, tail = rest.split(END, 1)
    except ValueError as problem:
        raise KeyError(BEGIN) from problem
    known: dict[str, list[str]] = {}
    for line in old.splitlines():
        if line.startswith("| `"):
            known.setdefault(line.split("`")[1], []).append(line)
    lines = [line for name in order for line in (new.get(name) or known.get(name) or ())]
    return "\n".join([f"{head}{BEGIN}", "", *_HEAD, *lines, "", f"{END}{tail}"])


def _row(step: Step, kind: str, what: str, found: Outcome) -> str:
    said = f" ({', '.join(sorted({_brief(status) for status in found.said}))})" if found.said else ""
    lost = f"**{found.lost}**{said}" if found.lost else "0"
    times = f"{found.before} | {found.during} | {found.after}"
    return (
        f"| `{step.name}` | {kind} | {what} | {found.name} | {found.requests} | {lost} | {found.gap:.1f} s | {times} |"
    )


def _brief(status: str) -> str:
    """HTTP's status, or gRPC's without what is said beside it."""
    if status == "-1":
        return "connection"
    _, _, code = status.partition("code = ")
    return code.partition(" desc")[0] if code else status

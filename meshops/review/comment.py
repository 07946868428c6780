"""The comment on a pull request: one over all stacks, by risk, within what GitHub takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshops.review.lines import opened
from meshops.review.planning import WORK_TREE, Planning
from meshops.review.preview import OPERATIONS
from meshops.review.sections import Section, sections
from meshops.review.stacks import StackReview
from meshops.review.text import code, counted, listed

MARKER = "<!-- zero-trust-mesh:review -->"
"""The first line: the comment is found by it and by its author."""
WHOLE = "review.md"
"""The same review without an end, beside the comment."""
LIMIT = 62_000
"""Bytes. GitHub takes 65,536 characters (https://github.com/mshick/add-pr-comment/issues/93 has its answer), and who
posts it may want to add a line."""


@dataclass(frozen=True, kw_only=True)
class Comment:
    """text: what is posted; whole: everything; left_out: statements that are in the whole review only."""

    text: str
    whole: str
    left_out: int


def write(
    stacks: Sequence[StackReview], planning: Planning, *, pictures: Sequence[str] = (), run_url: str = ""
) -> Comment:
    """The comment of a review. pictures: names of files beside it; run_url: where to find those, if anywhere."""
    head = _head(stacks, planning)
    foot = _foot(planning, pictures, run_url)
    whole = "\n\n".join((head, *(_section(one, one.items) for one in sections(stacks, whole=True)), foot))
    found = sections(stacks, whole=False)
    text = "\n\n".join((head, *(_section(one, one.items) for one in found), foot))
    left_out = 0
    if _size(text) > LIMIT:
        text, left_out = _cut(head, found, foot)
    return Comment(text=f"{MARKER}\n{text}\n", whole=f"{whole}\n", left_out=left_out)


def _cut(head: str, found: Sequence[Section], foot: str) -> tuple[str, int]:
    """What fits, the riskiest first, and how many statements do not. The note of it stands at the top."""
    room = LIMIT - _size(head) - _size(foot) - 400
    parts: list[str] = []
    left: list[tuple[str, int]] = []
    for section in found:
        items: list[str] = []
        spare = room - _size(_section(section, ())) - 80
        for item in section.items:
            if _size(item) + 1 <= spare:
                items.append(item)
                spare -= _size(item) + 1
        missing = len(section.items) - len(items)
        if missing:
            left.append((section.heading, missing))
        if items:
            note = (f"- **… and {missing} more here, in `{WHOLE}`.**",) if missing else ()
            parts.append(_section(section, (*items, *note)))
            room -= _size(parts[-1]) + 2
    total = sum(count for _, count in left)
    # A heading of a fold holds a component's name and a count: nothing of a stranger's.
    where = "; ".join(f"{count} of “{heading}”" for heading, count in left[:8])
    more = f"; and of {len(left) - 8} more parts" if len(left) > 8 else ""
    missing = f"{counted(total, 'statement')} did not fit and stand in `{WHOLE}` of the run's artifact"
    note = f"> ✂️ **{missing}**: {where}{more}."
    return "\n\n".join((head, note, *parts, foot)), total


def _section(section: Section, items: Sequence[str]) -> str:
    body = "\n".join(items)
    if section.folded:
        return f"<details><summary>{section.heading}</summary>\n\n{body}\n\n</details>"
    return f"### {section.heading}\n\n{body}"


def _head(stacks: Sequence[StackReview], planning: Planning) -> str:
    lines = ["## What this pull request changes", "", _headline(stacks), "", *_table(stacks)]
    if planning.judges:
        lines += [
            "",
            f"> ⚠️ **It changes {counted(len(planning.judges), 'file')} of what judges and writes this** "
            f"({listed(planning.judges, most=6)}): read those first, this comment is their word.",
        ]
    return "\n".join(lines)


def _headline(stacks: Sequence[StackReview]) -> str:
    """The worst in one line."""
    parts: list[str] = []
    broken = [one for one in stacks if one.problem or one.base_problem or (one.preview and one.preview.failed)]
    if broken:
        parts.append(f"⛔ {listed((one.name for one in broken), most=20)} refused or failed")
    counts = (
        (
            "🔴",
            sum(len(one.losses.lost) for one in stacks),
            "resource that holds state is",
            "resources that hold state are",
        ),
        ("🔴", sum(one.counts["replace"] for one in stacks), "replaced", "replaced"),
        ("🔴", sum(one.counts["delete"] for one in stacks), "deleted", "deleted"),
        ("🟠", sum(len(one.findings.new) for one in stacks), "new finding", "new findings"),
        ("🟠", sum(len(one.findings.weakened) for one in stacks), "new weakening", "new weakenings"),
        ("🟠", sum(opened(one.traffic) for one in stacks), "thing opened", "things opened"),
    )
    for mark, number, single, many in counts:
        if number:
            text = f"{mark} {number} {single if number == 1 else many}"
            parts.append(f"{text} lost" if "state" in single else text)
    for one in stacks:
        if one.presence == "renamed":
            parts.append(f"🗂️ {code(one.formerly)} renamed to {code(one.name)}")
        elif one.presence != "kept":
            parts.append(f"🗂️ {code(one.name)} {one.presence}")
    if parts:
        return f"**{' · '.join(parts)}**"
    if any(sum(one.counts.values()) for one in stacks):
        return "**Nothing is replaced, deleted, opened or newly found.**"
    return "**Nothing changes in any stack.**"


def _table(stacks: Sequence[StackReview]) -> list[str]:
    """Counts, and names that are a stack's: nothing in it can hold a bar."""
    real = any(one.preview for one in stacks)
    heads = ("Stack", "Offline plan", *(("Real preview",) if real else ()), "Policies", "Traffic")
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for one in stacks:
        found, open_ = one.findings, opened(one.traffic)
        judged = not one.problem and one.presence != "removed"
        policies = f"{_bold(len(found.new))} new, {len(found.standing)} standing; "
        policies += f"{_bold(len(found.weakened))} weakened, {found.weakenings} in all"
        cells = (
            code(one.name),
            _counts(one.counts) if one.compared else "stack removed" if one.presence == "removed" else "none",
            *((_real(one),) if real else ()),
            policies if judged else "not judged",
            f"{_bold(open_)} opened, {sum(line.count for line in one.traffic) - open_} taken away"
            if one.compared
            else "not known",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _real(one: StackReview) -> str:
    if one.preview is None:
        return "none"
    if one.preview.failed:
        return "**failed**"
    differing = counted(len(one.disagreements), "difference") if one.compared else "not compared"
    return f"{_counts(one.preview.counts)} ({differing})"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{_bold(counts[name])} {name}" for name in OPERATIONS if counts[name]) or "no change"


def _bold(number: int) -> str:
    return f"**{number}**" if number else "0"


def _foot(planning: Planning, pictures: Sequence[str], run_url: str) -> str:
    where = f"[this run]({run_url})" if run_url else "the run's artifact"
    head = f"the {WORK_TREE}" if planning.head == WORK_TREE else code(planning.head[:12])
    drawn = f" Pictures of what changes: {listed(pictures, most=20)}." if pictures else ""
    return (
        f"<sub>Planned offline from {code(planning.base[:12])} and from {head}, each by its own program, without "
        f"credentials: ids are made up, and drift and other people's changes are unknown. "
        f"In {where}: `{WHOLE}`, the whole of it; `verdict.json`.{drawn}</sub>"
    )


def _size(text: str) -> int:
    return len(text.encode())

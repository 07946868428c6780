"""The parts of the comment, in the order of their risk: each a heading and the statements of all stacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from meshops.review import documents, findings, losses, preview
from meshops.review.facts import Problem
from meshops.review.lines import Line, Merged, merged
from meshops.review.stacks import StackReview
from meshops.review.text import block, code, counted, listed

# Before what opens something, and before what only takes something away.
_NONE, _LOCKS, _ARROWS = ("", ""), ("🔓 ", "🔒 "), ("🔺 ", "🔻 ")


@dataclass(frozen=True, kw_only=True)
class Section:
    """heading: with its mark; items: each a Markdown list item, or a block of several lines; folded: behind a click."""

    heading: str
    items: tuple[str, ...]
    folded: bool = False


def sections(stacks: Sequence[StackReview], *, whole: bool) -> tuple[Section, ...]:
    """All that is not empty. whole: nothing shortened."""
    found = (
        _refused(stacks),
        _presence(stacks),
        _section("🔴 Replaced and deleted", stacks, lambda one: losses.lines(one.comparison, one.losses, one.old)),
        _section(
            "🟠 Policies: new findings and weakenings", stacks, lambda one: findings.lines(one.findings), signs=_LOCKS
        ),
        _section("🟠 Who may call whom, what leaves, what is public", stacks, lambda one: one.traffic, signs=_LOCKS),
        _walls(stacks, whole=whole),
        _section("⚖️ The real preview disagrees", stacks, lambda one: preview.lines(one.disagreements)),
        _section("💶 What AWS bills, and addresses", stacks, lambda one: one.costs, signs=_ARROWS),
        _section("Findings that stood before", stacks, lambda one: findings.standing(one.findings), folded=True),
        *(section for one in stacks for section in _rest(one, whole=whole)),
    )
    return tuple(section for section in found if section.items)


def _section(
    heading: str,
    stacks: Sequence[StackReview],
    lines: Callable[[StackReview], Iterable[Line]],
    *,
    folded: bool = False,
    signs: tuple[str, str] = _NONE,
) -> Section:
    together = merged((one.name, line) for one in stacks for line in lines(one))
    return Section(heading=heading, items=tuple(_item(one, stacks, signs=signs) for one in together), folded=folded)


def _item(one: Merged, stacks: Sequence[StackReview], *, signs: tuple[str, str]) -> str:
    where = "" if len(stacks) == 1 else f"{listed(one.stacks, most=20)}: "
    return f"- {signs[0] if one.line.opens else signs[1]}{where}{one.line.text}"


def _refused(stacks: Sequence[StackReview]) -> Section:
    items: list[str] = []
    for one in stacks:
        if one.problem:
            items.append(
                _reason(f"**{code(one.name)}: {_kind(one.problem)}; nothing can be said of it.**", one.problem)
            )
        if one.base_problem:
            said = f"{_kind(one.base_problem)} at the base, so that what changes cannot be said"
            items.append(_reason(f"**{code(one.name)}: {said}.**", one.base_problem))
        if one.preview and one.preview.failed:
            items.append(
                f"- **{code(one.name)}: the real preview failed.**\n\n{block(one.preview.failed, limit=3000)}\n"
            )
    return Section(heading="⛔ Refused or failed", items=tuple(items))


def _kind(problem: Problem) -> str:
    return "its settings are refused" if problem.kind == "refused" else "its program failed"


def _reason(head: str, problem: Problem) -> str:
    return f"- {head}\n\n{block(problem.reason)}\n"


def _presence(stacks: Sequence[StackReview]) -> Section:
    items: list[str] = []
    for one in stacks:
        name = code(one.name)
        if one.presence == "removed":
            made = len(one.old.files.resources)
            count = f" ({counted(made, 'resource')} by the base's plan)" if made else ""
            items.append(
                f"- **{name}: its stack file is removed. Nothing is destroyed by that.** What it made{count} stays in "
                "AWS, runs and is billed, its state stays in the backend, and nothing previews, updates or watches it "
                f"any more. To be rid of it, run {code(f'make destroy STACK={one.name}')} from a revision that has the "
                "file, before this is merged."
            )
        if one.presence == "renamed":
            old = code(one.formerly)
            command = code(f"pulumi stack rename {one.name} --stack {one.formerly}")
            items.append(
                f"- **{old} is renamed to {name}. Pulumi knows a stack by its name: without more, the next update "
                f"makes a second {name} from nothing, beside {old}, which stays as it is and is billed.** To carry it "
                f"over, run {command} when this is merged and before anything is deployed. What follows is then what "
                "changes; names that are made of the stack's change too."
            )
        if one.presence == "new":
            items.append(f"- {name} is a new stack: everything in it is made.")
    return Section(heading="🗂️ Stacks that come, go or are renamed", items=tuple(items))


def _walls(stacks: Sequence[StackReview], *, whole: bool) -> Section:
    """The documents behind the sentences, field by field; alike ones once."""
    items: list[str] = []
    for one in stacks:
        head = "" if len(stacks) == 1 else f"{code(one.name)}: "
        made = documents.doors(one.comparison) if one.presence != "new" else ()
        items += [f"- {head}made: {line.removeprefix('- ')}" for line in documents.by_type(made, whole=whole)]
        for group in documents.grouped(documents.walls(one.comparison)):
            first, *more = documents.told(group, whole=whole, times=documents.WALLS)
            items.append("\n".join((f"- {head}{first.removeprefix('- ')}", *more)))
    return Section(heading="🧱 Walls that change, field by field", items=tuple(items))


def _rest(one: StackReview, *, whole: bool) -> Iterable[Section]:
    """What is left of a stack, a fold for each component."""
    parts: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    changed = documents.rest(one.comparison)
    # What changes alike in several components is one thing, and stands in a fold of its own.
    for group in documents.grouped(changed):
        names = {documents.component_of(key) for key in group.keys}
        name = names.pop() if len(names) == 1 else "several components"
        parts.setdefault(name, []).append("\n".join(documents.told(group, whole=whole)))
        counts[name] = counts.get(name, 0) + len(group.keys)
    for verb, keys in (("made", one.losses.added), ("renamed", tuple(new for _, new in one.losses.renamed))):
        by_component: dict[str, list[str]] = {}
        for key in keys:
            by_component.setdefault(documents.component_of(key), []).append(key)
        for name, found in by_component.items():
            lines = documents.by_type(found, whole=whole)
            parts.setdefault(name, []).extend(f"- {verb}: {line.removeprefix('- ')}" for line in lines)
            counts[name] = counts.get(name, 0) + len(found)
    for name, items in parts.items():
        heading = f"{one.name}: {name or 'the stack itself'}: {counted(counts[name], 'resource')}"
        yield Section(heading=heading, items=tuple(items), folded=True)

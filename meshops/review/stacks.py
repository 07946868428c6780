"""One stack at both revisions, and everything that can be said of the step from one to the other."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from changes.comparison import Comparison, PlanFiles, compare
from configuration.settings import PROJECT
from meshops.review import costs, exposure, permissions, preview
from meshops.review.facts import NOTHING, Planned, Problem, load
from meshops.review.findings import Findings, findings
from meshops.review.lines import Line
from meshops.review.losses import Losses, losses
from meshops.review.preview import Preview

Presence = Literal["kept", "new", "removed", "renamed"]
BASE, HEAD = "base", "head"
"""The directories of the two revisions' plans, a stack's name below each."""
_ALIKE = 0.6
"""From this part of equal lines on, a stack file that goes and one that comes count as one renamed: git's own rule is
half (https://git-scm.com/docs/git-diff, `--find-renames`), and stack files are alike anyway."""


@dataclass(frozen=True, kw_only=True)
class StackReview:
    """presence: of its stack file; formerly: its name at the base, where it is renamed."""

    name: str
    presence: Presence
    base: Planned | Problem
    head: Planned | Problem
    formerly: str = ""
    preview: Preview | None = None

    @property
    def problem(self) -> Problem | None:
        """Why the head has no plan."""
        return self.head if isinstance(self.head, Problem) else None

    @property
    def base_problem(self) -> Problem | None:
        return self.base if isinstance(self.base, Problem) else None

    @property
    def old(self) -> Planned:
        return self.base if isinstance(self.base, Planned) else NOTHING

    @property
    def new(self) -> Planned:
        return self.head if isinstance(self.head, Planned) else NOTHING

    @property
    def compared(self) -> bool:
        """Whether there are two plans to compare; a new stack is compared with nothing, a removed one is not."""
        return self.presence != "removed" and self.problem is None and self.base_problem is None

    @cached_property
    def comparison(self) -> Comparison:
        if not self.compared:
            return compare(NOTHING.files, NOTHING.files)
        return compare(_named(self.old.files, self.formerly, self.name), self.new.files)

    @cached_property
    def losses(self) -> Losses:
        return losses(self.comparison, self.new)

    @cached_property
    def findings(self) -> Findings:
        """Also where the base has no plan: then all of them are new."""
        if self.presence == "removed" or self.problem:
            return findings(NOTHING, NOTHING)
        return findings(self.old, self.new)

    @cached_property
    def traffic(self) -> tuple[Line, ...]:
        """Who may call whom, what may leave, what is public: in sentences."""
        if not self.compared:
            return ()
        return (*permissions.lines(self.old, self.new), *exposure.lines(self.old, self.new))

    @cached_property
    def costs(self) -> tuple[Line, ...]:
        return tuple(costs.lines(self.old, self.new)) if self.compared else ()

    @cached_property
    def disagreements(self) -> tuple[tuple[str, str, str], ...]:
        if self.preview is None or self.preview.failed or not self.compared:
            return ()
        return preview.disagreements(self.preview, self.comparison, self.losses)

    @property
    def counts(self) -> dict[str, int]:
        """Resources by what becomes of them."""
        acted_on = len(self.comparison.changed) - len(self.comparison.waiting) - len(self.comparison.replaced)
        return {
            "create": len(self.losses.added),
            "update": acted_on,
            "replace": len(self.losses.replaced),
            "delete": len(self.losses.removed),
        }


def _named(files: PlanFiles, old: str, new: str) -> PlanFiles:
    """As if the stack had its new name already, in which everything's parent is it."""
    if not old:
        return files

    def parent(entry: Mapping[str, Any]) -> str:
        text = str(entry.get("parent", ""))
        return f"{text.removesuffix(f'-{old}')}-{new}" if text.endswith(f"::{PROJECT}-{old}") else text

    return PlanFiles(resources={key: {**entry, "parent": parent(entry)} for key, entry in files.resources.items()})


def renamed(gone: Mapping[str, str], come: Mapping[str, str]) -> dict[str, str]:
    """New name -> old name, of the stack files that are alike. gone, come: name -> the file's text."""
    found: dict[str, str] = {}
    scores = sorted(
        (
            (difflib.SequenceMatcher(None, old.splitlines(), new.splitlines()).ratio(), old_name, new_name)
            for old_name, old in gone.items()
            for new_name, new in come.items()
        ),
        reverse=True,
    )
    for score, old_name, new_name in scores:
        if score >= _ALIKE and new_name not in found and old_name not in found.values():
            found[new_name] = old_name
    return found


def read_stacks(
    plans: Path, *, base: list[str], head: list[str], moved: Mapping[str, str], previews: Path | None
) -> tuple[StackReview, ...]:
    """Every stack of either revision, from its plans. base, head: the stacks that there are; moved: new -> old name."""
    found: list[StackReview] = []
    for name in dict.fromkeys((*head, *base)):
        if name in moved.values() and name not in head:
            continue
        formerly = moved.get(name, "")
        before = formerly or name
        presence: Presence = "renamed" if formerly else "removed" if name not in head else "kept"
        if presence == "kept" and name not in base:
            presence = "new"
        found.append(
            StackReview(
                name=name,
                presence=presence,
                base=load(plans / BASE / before) if before in base else NOTHING,
                head=load(plans / HEAD / name) if name in head else NOTHING,
                formerly=formerly,
                preview=preview.load(previews / f"{name}.json") if previews else None,
            )
        )
    return tuple(found)

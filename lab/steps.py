"""Doing something long as a list of steps: each is named and timed, and undone if a later one fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from lab.errors import LabError
from lab.progress import Progress


def _nothing() -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step. name: in the list of times; shown: what the progress says meanwhile.

    undo: takes back what this `do` did, be it done or begun; what was there before stays
    """

    name: str
    do: Callable[[], object]
    undo: Callable[[], object] = _nothing
    shown: str = ""


@dataclass(kw_only=True)
class Timings:
    """Seconds per step, in order."""

    steps: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def measure(self, name: str) -> Generator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.steps.append((name, time.monotonic() - began))


def run(steps: Sequence[Step], progress: Progress, timings: Timings, *, keep: bool = False) -> None:
    """Does them in order; if one fails or is interrupted, undoes it and those before it, the last first.

    keep: nothing is undone. Raises what the step raised.
    """
    with ExitStack() as undoing:
        for step in steps:
            if not keep:
                undoing.callback(_undo, step, progress)
            if step.shown:
                progress.update(step.shown)
            with timings.measure(step.name):
                step.do()
        undoing.pop_all()


def _undo(step: Step, progress: Progress) -> None:
    try:
        step.undo()
    except LabError as problem:
        progress.line(f"{step.name} could not be undone: {problem}")

"""`python -m lab reliability`: steps under load on the running lab, and their rows in docs/reliability.md."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from lab.commands import onboarding
from lab.errors import LabError
from lab.lifecycle.running import alone, running
from lab.paths import PROGRAM
from lab.progress import Progress, TerminalProgress
from lab.reliability import migration, operations, unplanned
from lab.reliability.ground import Ground
from lab.reliability.measuring import Measured, control, measure
from lab.reliability.steps import Step
from lab.reliability.table import rows, updated

DOCUMENT = PROGRAM / "docs" / "reliability.md"
STEPS: tuple[Step, ...] = (*migration.STEPS, *operations.STEPS, *unplanned.STEPS)


def run(options: argparse.Namespace) -> int:
    """0 only if no planned step lost a request, and every control of one lost some. Raises LabError."""
    chosen = named(options.steps.replace(",", " ").split())
    progress = TerminalProgress()
    well = True
    with ground(progress) as found:
        for step in chosen:
            measured, naive = measure(found, step), control(found, step)
            progress.pause()
            _show(step.name, measured)
            if naive is not None and step.naive is not None:
                _show(f"{step.name}, the naive way: {step.naive.what}", naive)
            progress.resume()
            if step.kind == "planned":
                well = well and not measured.lost and (naive is None or naive.lost > 0)
            if options.write:
                _write(step, measured, naive)
    return 0 if well else 1


def named(names: list[str]) -> tuple[Step, ...]:
    """The steps of these names, all if there are none. Raises LabError."""
    if unknown := sorted(set(names) - {step.name for step in STEPS}):
        raise LabError(f"no step {', '.join(unknown)}; there are {', '.join(step.name for step in STEPS)}")
    return tuple(step for step in STEPS if not names or step.name in names)


@contextmanager
def ground(progress: Progress) -> Iterator[Ground]:
    """The running lab for as long as steps are measured; afterwards it is at its own stack again. Raises LabError."""
    plane = running()
    with alone(plane.state):
        try:
            yield Ground(plane=plane, progress=progress)
        finally:
            onboarding.apply(PROGRAM, None, progress)


def _show(name: str, measured: Measured) -> None:
    print(f"{name}: {measured.requests} requests, {measured.lost} lost, in {measured.seconds:.0f} s")
    print("\n".join([*measured.lines(), *(f"    {line[:300]}" for line in measured.said)]), flush=True)


def _write(step: Step, measured: Measured, naive: Measured | None) -> None:
    new = {step.name: rows(step, measured, naive)}
    try:
        text = updated(DOCUMENT.read_text(encoding="utf-8"), [each.name for each in STEPS], new)
    except KeyError as problem:
        raise LabError(f"{DOCUMENT.name} has no place for the table: a line {problem}") from problem
    DOCUMENT.write_text(text, encoding="utf-8")

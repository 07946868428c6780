"""`python -m lab reliability`: steps under load on the running lab, and their rows in docs/reliability.md."""

from __future__ import annotations

import argparse
from collections.abc import Generator
from contextlib import contextmanager

from lab.commands import onboarding
from lab.errors import LabError
from lab.lifecycle.running import alone, running
from lab.paths import PROGRAM
from lab.progress import Progress, TerminalProgress
from lab.reliability import certificates, migration, operations, unplanned
from lab.reliability.ground import Ground
from lab.reliability.measuring import Measured, control, measure
from lab.reliability.steps import Step
from lab.reliability.table import rows, updated

DOCUMENT = PROGRAM / "docs" / "reliability.md"
STEPS: tuple[Step, ...] = (*migration.STEPS, *operations.STEPS, *certificates.STEPS, *unplanned.STEPS)


def run(options: argparse.Namespace) -> int:
    """0 only if no planned step lost a request, and every control of one lost some. Raises LabError."""
    chosen = named(options.steps.replace(",", " ").split())
    progress = TerminalProgress()
    well = True
    with ground(progress) as found:
        for step in chosen:
            measured = measure(found, step)
            _show(progress, step.name, measured)
            naive = control(found, step) if options.controls else None
            if naive is not None and step.naive is not None:
                _show(progress, f"{step.name}, the naive way: {step.naive.what}", naive)
            if step.kind == "planned":
                well = well and not measured.lost and (naive is None or naive.lost > 0)
            if options.write:
                _write(step, measured, naive)
    return 0 if well else 1


def named(names: list[str]) -> tuple[Step, ...]:
    """The steps of these names in this order, all if there are none. Raises LabError."""
    known = {step.name: step for step in STEPS}
    if unknown := sorted(set(names) - known.keys()):
        raise LabError(f"no step {', '.join(unknown)}; there are {', '.join(known)}")
    return tuple(known[name] for name in names or known)


@contextmanager
def ground(progress: Progress) -> Generator[Ground]:
    """The running lab for as long as steps are measured; afterwards it is at its own stack again. Raises LabError."""
    plane = running()
    with alone(plane.state):
        try:
            yield Ground(plane=plane, progress=progress)
        finally:
            onboarding.apply(PROGRAM, None, progress)


def _show(progress: TerminalProgress, name: str, measured: Measured) -> None:
    progress.pause()
    print(f"{name}: {measured.requests} requests, {measured.lost} lost, in {measured.seconds:.0f} s")
    print("\n".join([*measured.lines(), *(f"    {line[:300]}" for line in measured.said)]), flush=True)
    progress.resume()


def _write(step: Step, measured: Measured, naive: Measured | None) -> None:
    new = {step.name: rows(step, measured, naive)}
    try:
        text = updated(DOCUMENT.read_text(encoding="utf-8"), [each.name for each in STEPS], new)
    except KeyError as problem:
        raise LabError(f"{DOCUMENT.name} has no place for the table: a line {problem}") from problem
    DOCUMENT.write_text(text, encoding="utf-8")

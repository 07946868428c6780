"""Why a program did not end well."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pulumi

from configuration.problems import SettingsError
from offline.registration import EngineError


@dataclass(frozen=True, kw_only=True)
class ProgramError:
    """Why a program did not end well. `message` is for people.

    settings: the stack's configuration was refused; every problem is in the message
    engine:   the engine could not make a resource; the message begins with its URN
    program:  the program raised something else; the message ends with where
    timeout:  it did not end in time, mostly since a value waits for itself
    """

    kind: Literal["settings", "engine", "program", "timeout"]
    message: str

    def __str__(self) -> str:
        return self.message


def explained(problem: BaseException, *, directory: Path) -> ProgramError:
    """What ended a program, for people; the lines of the program are those of files under `directory`."""
    chain = list(_causes(problem))
    # `settings.load` hides it behind a RunError, which is what Pulumi's own language host shows as a plain text.
    for cause in _causes(problem, hidden=True):
        if isinstance(cause, SettingsError):
            return ProgramError(kind="settings", message=str(cause))
    for cause in chain:
        if isinstance(cause, EngineError):
            return ProgramError(kind="engine", message=str(cause))
    for cause in chain:
        if isinstance(cause, pulumi.RunError):
            return ProgramError(kind="program", message=str(cause))
    if isinstance(problem, SystemExit):
        return ProgramError(kind="program", message=f"The program ended itself with {problem.code!r}.")
    root = chain[-1]
    frames = [
        frame for frame in traceback.extract_tb(root.__traceback__) if Path(frame.filename).is_relative_to(directory)
    ]
    where = "".join(
        f"\n    {Path(frame.filename).relative_to(directory)}:{frame.lineno} in {frame.name}" for frame in frames
    )
    return ProgramError(kind="program", message=f"{type(root).__name__}: {root}{where}")


def _causes(problem: BaseException, *, hidden: bool = False) -> Iterator[BaseException]:
    """The error and what led to it; hidden: also what `raise … from None` leaves out."""
    seen: set[int] = set()
    current: BaseException | None = problem
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        shown = hidden or not current.__suppress_context__
        current = current.__cause__ or (current.__context__ if shown else None)

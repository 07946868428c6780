"""The registry of steps: what is done, as the program or its operator does it, and the naive way to do the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from lab.reliability.ground import Ground
from lab.reliability.stack import FIRST, Standing

Act = Callable[[Ground], None]


def everything_strict(ground: Ground) -> None:
    """The usual beginning: one namespace, in the mesh. Raises LabError."""
    ground.bring_to(Standing())


@dataclass(frozen=True, kw_only=True)
class Naive:
    """The same step done otherwise.

    what:    in a few words
    prepare: before the load begins; None: as the step's
    leaves:  whether what the program made is otherwise afterwards
    """

    what: str
    do: Act
    prepare: Act | None = None
    leaves: bool = False


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step.

    name:       for `STEPS=` and the table
    kind:       whether somebody means to do it
    what:       what is done, in a few words
    prepare:    brings the lab to where the step begins, before the load does
    do:         the step itself, until it is over
    namespaces: whose applications are asked meanwhile
    inside:     whether the pod of the generator asks too
    """

    name: str
    kind: Literal["planned", "unplanned"]
    what: str
    do: Act
    prepare: Act = everything_strict
    naive: Naive | None = None
    namespaces: tuple[str, ...] = (FIRST,)
    inside: bool = True

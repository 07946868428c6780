"""One step under load: before it, while it is done, and after it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lab.reliability import generator
from lab.reliability.ground import Ground
from lab.reliability.requests import Outcome, outcome
from lab.reliability.stack import streams
from lab.reliability.steps import Act, Step

# Before and after the step; as long as pods that leave take.
_CALM_SECONDS = 6.0
_SAID_LINES = 6


@dataclass(frozen=True, kw_only=True)
class Measured:
    """seconds: of the step itself; said: what the generator wrote of what went wrong, the last lines."""

    outcomes: tuple[Outcome, ...]
    seconds: float
    said: tuple[str, ...]

    @property
    def requests(self) -> int:
        return sum(each.requests for each in self.outcomes)

    @property
    def lost(self) -> int:
        return sum(each.lost for each in self.outcomes)

    @property
    def gap(self) -> float:
        """The longest of any stream; seconds."""
        return max((each.gap for each in self.outcomes), default=0.0)

    @property
    def reasons(self) -> Counter[str]:
        """Status -> how often, of what was lost."""
        return sum((each.said for each in self.outcomes), Counter())


def measure(ground: Ground, step: Step) -> Measured:
    """The step as the program does it. Raises LabError."""
    step.prepare(ground)
    return _under_load(ground, step, step.do)


def control(ground: Ground, step: Step) -> Measured | None:
    """The step done the naive way; None if there is none. Raises LabError."""
    if step.naive is None:
        return None
    (step.naive.prepare or step.prepare)(ground)
    return _under_load(ground, step, step.naive.do)


def _under_load(ground: Ground, step: Step, do: Act) -> Measured:
    asked = [stream for stream in streams(ground.plane, step.namespaces) if step.inside or stream.place != "pod"]
    with generator.running(ground.plane, asked) as load:
        time.sleep(_CALM_SECONDS)
        began = time.time()
        do(ground)
        ended = time.time()
        time.sleep(_CALM_SECONDS)
    return Measured(
        outcomes=_outcomes(asked, load, began, ended), seconds=ended - began, said=tuple(load.said[:_SAID_LINES])
    )


def _outcomes(
    asked: Sequence[generator.Stream], load: generator.Load, began: float, ended: float
) -> tuple[Outcome, ...]:
    return tuple(outcome(stream.name, load.requests, began=began, ended=ended) for stream in asked)

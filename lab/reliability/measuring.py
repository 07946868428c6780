"""One step under load: before it, while it is done, and after it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

from lab.errors import LabError
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
    """places: what became of what came in through the load balancer, and of what went from pod to pod

    streams: the same for each stream; seconds: of the step itself; said: of what went wrong, the generator's last lines
    """

    places: tuple[Outcome, ...]
    streams: tuple[Outcome, ...]
    seconds: float
    said: tuple[str, ...]

    @property
    def requests(self) -> int:
        return sum(each.requests for each in self.places)

    @property
    def lost(self) -> int:
        return sum(each.lost for each in self.places)

    def lines(self) -> tuple[str, ...]:
        """For a terminal: one for each stream."""
        return tuple(
            f"  {each.name:40} {each.requests:6} asked {each.lost:5} lost, gap {each.gap:5.2f} s, "
            f"p50/p99 ms {each.before} | {each.during} | {each.after}  {dict(each.said) or ''}"
            for each in self.streams
        )


def measure(ground: Ground, step: Step) -> Measured:
    """The step as the program does it. Raises LabError."""
    step.prepare(ground)
    return _under_load(ground, step, step.do)


def control(ground: Ground, step: Step) -> Measured | None:
    """The step done the naive way; None if there is none. What is not over in time is measured until then."""
    naive = step.naive
    if naive is None:
        return None

    def do(ground: Ground) -> None:
        try:
            naive.do(ground)
        except LabError as problem:
            ground.progress.line(f"{step.name}, the naive way, did not end: {problem}")
            ground.standing = None

    (naive.prepare or step.prepare)(ground)
    try:
        return _under_load(ground, step, do)
    finally:
        if naive.leaves:
            ground.standing = None


def _under_load(ground: Ground, step: Step, do: Act) -> Measured:
    asked = [stream for stream in streams(ground.plane, step.namespaces) if step.inside or stream.place != "pod"]
    with generator.running(ground.plane, asked) as load:
        time.sleep(_CALM_SECONDS)
        began = time.time()
        do(ground)
        ended = time.time()
        time.sleep(_CALM_SECONDS)
    names = {stream.name: stream.place for stream in asked}
    places = dict.fromkeys(names.values())
    told = partial(outcome, requests=load.requests, began=began, ended=ended)
    return Measured(
        places=tuple(told(place, [name for name in names if names[name] == place]) for place in places),
        streams=tuple(told(name, [name]) for name in names),
        seconds=ended - began,
        said=tuple(load.said[:_SAID_LINES]),
    )

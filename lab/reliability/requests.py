"""Requests as the generator reports them, and what is told of them: how many were lost, and for how long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import quantiles


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request. began: seconds since 1970; took: seconds; said: its status; ok: whether that is a success."""

    stream: str
    began: float
    took: float
    ok: bool
    said: str

    @property
    def ended(self) -> float:
        return self.began + self.took


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Of answered requests, in milliseconds; None where there were too few to say."""

    p50: float | None
    p99: float | None

    def __str__(self) -> str:
        if self.p50 is None or self.p99 is None:
            return "-"
        return f"{self.p50:.0f} / {self.p99:.0f}"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of some requests. gap: the longest time without an answer, in seconds; said: status -> how often, of
    what was lost."""

    name: str
    requests: int
    lost: int
    gap: float
    before: Latency
    during: Latency
    after: Latency
    said: Counter[str]


def outcome(name: str, streams: Collection[str], requests: Sequence[Request], *, began: float, ended: float) -> Outcome:
    """What became of the requests of these streams, of a step between `began` and `ended`, seconds since 1970."""
    mine = [request for request in requests if request.stream in streams]
    lost = [request for request in mine if not request.ok]
    return Outcome(
        name=name,
        requests=len(mine),
        lost=len(lost),
        # Of each by itself: beside one that is answered another may wait.
        gap=max((longest_gap([each for each in mine if each.stream == stream]) for stream in streams), default=0.0),
        before=latency([request for request in mine if request.ended < began]),
        during=latency([request for request in mine if began <= request.ended <= ended]),
        after=latency([request for request in mine if request.ended > ended]),
        said=Counter(request.said for request in lost),
    )


def longest_gap(requests: Sequence[Request]) -> float:
    """The longest time between two answers, or between one and the end of what was asked; seconds."""
    if not requests:
        return 0.0
    answers = sorted(request.ended for request in requests if request.ok)
    first, last = min(request.began for request in requests), max(request.ended for request in requests)
    moments = [first, *answers, last]
    return max(later - earlier for earlier, later in pairwise(moments))


def latency(requests: Sequence[Request]) -> Latency:
    """Of those that were answered."""
    times = [request.took * 1000 for request in requests if request.ok]
    if len(times) < 2:
        return Latency(p50=None, p99=None)
    cuts = quantiles(times, n=100, method="inclusive")
    return Latency(p50=cuts[49], p99=cuts[98])

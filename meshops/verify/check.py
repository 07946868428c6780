"""A check on the running cluster: which facts it looks at, which calls it needs made, and how it judges them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from meshops.checks.model import Check, Severity, Verdict
from meshops.verify.calls import Purpose

if TYPE_CHECKING:
    from meshops.verify.subject import Subject

Layer = Literal[
    "Client to load balancer",
    "Load balancer to gateway",
    "Pod to pod",
    "Authorization",
    "Egress",
    "Configuration",
]
LAYERS: tuple[Layer, ...] = get_args(Layer)
"""The sections of the report, in the order of the first digit of their checks' ids."""

Fact = Literal[
    "objects",
    "secret",
    "acm",
    "edge",
    "passthrough",
    "proxies",
    "workloads",
    "analysis",
    "attempts",
    "autoscalers",
    "environments",
    "traffic",
]
"""What a check looks at, and so what a run has to gather for it. `objects` comes with each of the others."""


@dataclass(frozen=True, kw_only=True)
class ClusterCheck(Check):
    """id: `MV` and three digits; section: a `Layer`.

    needs: the facts it looks at.
    calls: the probe pods' calls it looks at, if it needs traffic: a run makes those of its checks and no other.
    """

    needs: tuple[Fact, ...]
    calls: tuple[Purpose, ...]
    judge: Callable[[Subject], Verdict]


def check(
    id: str,
    layer: Layer,
    *,
    name: str,
    shows: str,
    how: str,
    severity: Severity,
    remedy: str,
    needs: tuple[Fact, ...] = ("objects",),
    calls: tuple[Purpose, ...] = (),
) -> Callable[[Callable[[Subject], Verdict]], ClusterCheck]:
    """Makes a check of a function that judges the facts."""

    def make(judge: Callable[[Subject], Verdict]) -> ClusterCheck:
        return ClusterCheck(
            id=id,
            section=layer,
            name=name,
            shows=shows,
            how=how,
            severity=severity,
            remedy=remedy,
            needs=needs,
            calls=calls,
            judge=judge,
        )

    return make

"""The argument of every check: stack and facts. To look at a fact that could not be had makes the check unknown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from manifests.mesh_graph import Member
from meshops.checks.model import Unavailable
from meshops.verify import attempt
from meshops.verify.calls import Purpose
from meshops.verify.facts import (
    AnalysisMessage,
    Autoscaler,
    Edge,
    Environment,
    Exchange,
    Facts,
    Objects,
    Passthrough,
    Proxy,
    Traffic,
    Workload,
)
from meshops.verify.stack import Stack

_T = TypeVar("_T")


class FactMissing(Exception):
    """A check needs a fact that could not be had; whoever runs the checks makes `unknown` of it."""

    def __init__(self, fact: Unavailable) -> None:
        super().__init__(fact.reason)
        self.fact = fact


def needed(fact: _T | Unavailable) -> _T:
    """The fact. Raises FactMissing."""
    if isinstance(fact, Unavailable):
        raise FactMissing(fact)
    return fact


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Each fact raises FactMissing where it could not be had."""

    stack: Stack
    facts: Facts

    @property
    def now(self) -> datetime:
        return self.facts.now

    @property
    def objects(self) -> Objects:
        return needed(self.facts.objects)

    @property
    def secret(self) -> str:
        return needed(self.facts.secret)

    @property
    def acm(self) -> str:
        return needed(self.facts.acm)

    @property
    def edge(self) -> Edge:
        return needed(self.facts.edge)

    @property
    def passthrough(self) -> Passthrough:
        return needed(self.facts.passthrough)

    @property
    def proxies(self) -> tuple[Proxy, ...]:
        return needed(self.facts.proxies)

    @property
    def workloads(self) -> tuple[Workload, ...]:
        return needed(self.facts.workloads)

    @property
    def analysis(self) -> tuple[AnalysisMessage, ...]:
        return needed(self.facts.analysis)

    @property
    def environments(self) -> tuple[Environment, ...]:
        return needed(self.facts.environments)

    @property
    def autoscalers(self) -> tuple[Autoscaler, ...]:
        return needed(self.facts.autoscalers)

    @property
    def attempts(self) -> tuple[attempt.Answer, ...]:
        return needed(self.facts.attempts)

    @property
    def traffic(self) -> Traffic:
        return needed(self.facts.traffic)

    @property
    def has_alb(self) -> bool:
        return "alb" in self.stack.settings.load_balancer.entries

    def exchanges(self, *purposes: Purpose) -> Iterator[Exchange]:
        return (exchange for exchange in self.traffic.exchanges if exchange.call.purpose in purposes)


def named(member: Member) -> str:
    """`namespace/name`."""
    return f"{member.namespace.name}/{member.name}"

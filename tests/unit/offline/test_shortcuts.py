"""The shortcuts answer as the SDK does, and only while a program runs."""

from __future__ import annotations

from random import Random
from typing import Any

import pulumi
from pulumi.runtime import resource, resource_cycle_breaker, rpc

from offline.made_up import MadeUpOutputs
from offline.run import run_callable
from offline.shortcuts import shortcuts
from tests import ROOT


class Named:
    """Stands for a resource."""


def accepted(edges: list[tuple[int, int]]) -> list[bool]:
    resources: list[Any] = [Named() for _ in range(8)]
    return [resource_cycle_breaker.declare_dependency(resources[one], resources[other]) for one, other in edges]


def test_the_same_dependencies_are_refused_as_circles() -> None:
    random = Random(8)
    refused = 0
    for _ in range(300):
        edges = [(random.randrange(8), random.randrange(8)) for _ in range(random.randrange(30))]
        with shortcuts():
            ours = accepted(edges)
        assert ours == accepted(edges), edges
        refused += ours.count(False)
    assert refused > 300


def test_the_same_values_are_unknown() -> None:
    circle: dict[str, Any] = {"a": [1, "b", None]}
    circle["itself"] = circle
    values = [pulumi.UNKNOWN, {"a": [{"b": pulumi.UNKNOWN}]}, [[pulumi.UNKNOWN]], {"a": ["b", 1, None]}, "a", circle]
    with shortcuts():
        ours = [rpc.contains_unknowns(value) for value in values]
    assert ours == [rpc.contains_unknowns(value) for value in values] == [True, True, True, False, False, False]


def test_the_sdk_is_as_it_was_afterwards() -> None:
    before = [resource._get_stack_trace, resource_cycle_breaker._reachable, resource_cycle_breaker._add_dep]
    with shortcuts():
        during = [resource._get_stack_trace, resource_cycle_breaker._reachable, resource_cycle_breaker._add_dep]
    assert not set(before) & set(during)
    assert [resource._get_stack_trace, resource_cycle_breaker._reachable, resource_cycle_breaker._add_dep] == before


def test_a_circle_ends_a_program_with_the_resource_named() -> None:
    def program() -> None:
        component = pulumi.ComponentResource("a:b:C", "component")
        opts = pulumi.ResourceOptions(parent=component, depends_on=[component])
        pulumi.CustomResource("a:b:D", "child", {}, opts)

    run = run_callable(program, directory=ROOT, stack="dev", config={}, engine=MadeUpOutputs("eu-west-1"), timeout=60)
    assert run.error is not None
    assert "circular dependency involving a resource of type a:b:D named child" in str(run.error)

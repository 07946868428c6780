"""MR804: What becomes a load balancer has time to go."""

from __future__ import annotations

from collections.abc import Iterator

from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack

_LEAST_SECONDS = 600


@rule(
    "MR804",
    "Order",
    title="What becomes a load balancer has time to go.",
    why="The controller frees its security groups after the last interface is gone, which takes minutes; giving up "
    "earlier leaves both behind.",
    source="https://www.pulumi.com/docs/iac/concepts/resources/options/customtimeouts/; docs/load-balancers.md",
    severity="medium",
    remedy="custom_timeouts delete of 20 minutes.",
    about=("Ingress", "Service"),
)
def time_to_go(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if resource.kind == "Service" and resource.at("spec", "type") != "LoadBalancer":
        return
    given = resource.custom_timeouts.get("delete", 0)
    if given < _LEAST_SECONDS:
        yield Flaw(field="(custom_timeouts.delete)", value=f"{given:g} s" if given else "(not set)")

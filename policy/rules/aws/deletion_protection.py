"""MR707: In production one call deletes neither the cluster nor a load balancer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from policy.eks import EITHER, says_nothing
from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack

_LONGEST = timedelta(days=31)
_ATTRIBUTES = {
    "Ingress": "alb.ingress.kubernetes.io/load-balancer-attributes",
    "Service": "service.beta.kubernetes.io/aws-load-balancer-attributes",
}


@rule(
    "MR707",
    "AWS",
    title="In production one call deletes neither the cluster nor a load balancer.",
    why="A mistyped destroy, or one taken role, ends the service; the balancer's address is another one afterwards.",
    source="https://docs.aws.amazon.com/eks/latest/userguide/deletion-protection.html; "
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html",
    severity="high",
    remedy="cluster.deletionProtection and loadBalancer.deletionProtection true. Before a destroy both are false, and "
    "`retirement` says why and until which day, at most 31 days ahead.",
    about=(*EITHER, *_ATTRIBUTES),
)
def deletion_protection(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if says_nothing(resource):
        return
    if not stack.production:
        return
    retirement = stack.settings.retirement
    if retirement and stack.today <= retirement.until <= stack.today + _LONGEST:
        return
    says = f"retirement.until is {retirement.until}" if retirement else ""
    if resource.type in EITHER:
        if resource.at("deletionProtection") is not True:
            yield Flaw(field="deletionProtection", value=shown(resource.at("deletionProtection")), says=says)
    elif resource.kind == "Ingress" or resource.at("spec", "type") == "LoadBalancer":
        name = _ATTRIBUTES[resource.kind]
        attributes = str(resource.annotations.get(name) or "")
        if "deletion_protection.enabled=true" not in attributes.split(","):
            yield Flaw(field=f'metadata.annotations["{name}"]', value=shown(attributes), says=says)

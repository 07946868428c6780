"""MR404: Every policy is about pods that exist."""

from __future__ import annotations

from collections.abc import Iterator

from policy.mesh import selected
from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack
from validation.references import SELECTORS

# Pods that come with a chart, or by hand: nobody in this plan makes them.
_CHARTED = ("kube-system", "istio-system", "istio-ingress", "cert-manager", "amazon-cloudwatch")
_POLICIES = tuple(kind for kind in SELECTORS if kind != "Service")


@rule(
    "MR404",
    "Authorization",
    title="Every policy is about pods that exist.",
    why="One that selects nothing protects nothing, and reads in a review as if it did.",
    source="https://istio.io/latest/docs/reference/config/type/workload-selector/",
    severity="high",
    remedy="Select the labels of the application's pods: app, and nothing that a release changes.",
    about=_POLICIES,
    alone=False,
)
def matches_something(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    path = SELECTORS[resource.kind]
    selector = resource.at(*path)
    if not selector or resource.namespace in _CHARTED:
        return
    if not selected(stack, resource.namespace, selector):
        yield Flaw(field=".".join(path), value=shown(dict(selector)))

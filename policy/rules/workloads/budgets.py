"""MR605: What runs in several pods keeps some while nodes are drained, and lets them be drained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policy.mesh import inside, selecting
from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack


@rule(
    "MR605",
    "Workloads",
    title="What runs in several pods keeps some while nodes are drained, and lets them be drained.",
    why="Without a budget an upgrade of the nodes takes all pods at once; with one that allows no disruption it never "
    "ends.",
    source="https://kubernetes.io/docs/tasks/run-application/configure-pdb/; "
    "https://docs.aws.amazon.com/eks/latest/userguide/managed-node-update-behavior.html",
    severity="medium",
    remedy="A PodDisruptionBudget for its pods with maxUnavailable 1.",
    about=("Deployment", "StatefulSet"),
    alone=False,
)
def budgets(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    replicas = _fewest(resource, stack)
    if replicas < 2:
        return
    labels = resource.pod_metadata.get("labels") or {}
    found = list(selecting(stack, "PodDisruptionBudget", resource.namespace, labels))
    if not found:
        yield Flaw(field="PodDisruptionBudget", value="(none)", says=f"for {replicas} pods")
    for one in found:
        if _stops(one.at("spec", "maxUnavailable"), 0) or _stops(one.at("spec", "minAvailable"), replicas):
            yield Flaw(field=f"{one}: spec", value=shown(dict(one.at("spec"))), says="no pod may go, ever")


def _fewest(resource: Resource, stack: Stack) -> int:
    scaled = stack.memo(
        ("scaled", resource.namespace),
        lambda: {
            one.at("spec", "scaleTargetRef", "name"): one.at("spec", "minReplicas")
            for one in inside(stack, "HorizontalPodAutoscaler", resource.namespace)
        },
    )
    if resource.object_name in scaled:
        return int(scaled[resource.object_name] or 1)
    replicas = resource.at("spec", "replicas")
    return 1 if replicas is None else int(replicas)


def _stops(value: Any, limit: int) -> bool:
    if value is None:
        return False
    if isinstance(value, str) and value.endswith("%"):
        return value == ("0%" if limit == 0 else "100%")
    return int(value) == 0 if limit == 0 else int(value) >= limit

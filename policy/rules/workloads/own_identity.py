"""MR606: Every workload has a service account of its own, and no token of the API server's."""

from __future__ import annotations

from collections.abc import Iterator

from policy.mesh import WORKLOADS
from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack


@rule(
    "MR606",
    "Workloads",
    title="Every workload has a service account of its own, and no token of the API server's.",
    why="The service account is the identity in the mesh: who shares `default` shares every right given to it; a "
    "token that nobody needs is one to steal.",
    source="https://istio.io/latest/docs/concepts/security/#istio-identity; "
    "https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/",
    severity="high",
    remedy="serviceAccountName, and automountServiceAccountToken false on the pod.",
    about=WORKLOADS,
)
def own_identity(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    account = resource.pod.get("serviceAccountName")
    if account in (None, "", "default"):
        yield Flaw(field=f"{resource.pod_path}.serviceAccountName", value=shown(account))
    token = resource.pod.get("automountServiceAccountToken")
    if token is not False:
        yield Flaw(field=f"{resource.pod_path}.automountServiceAccountToken", value=shown(token))

"""The AWS identities of the platform's own service accounts, as far as a stack's settings ask for them."""

from __future__ import annotations

from dataclasses import dataclass

from configuration.cluster import Cluster
from configuration.mesh import Observability
from manifests.iam import Policy, container_log_writer, load_balancer_controller, trace_writer
from manifests.load_balancer_controller import CONTROLLER
from manifests.names import COLLECTOR, KUBE_SYSTEM, OBSERVABILITY

CLOUDWATCH_AGENT = "cloudwatch-agent"
CLOUDWATCH_NAMESPACE = "amazon-cloudwatch"


@dataclass(frozen=True, kw_only=True)
class ServiceAccountIdentity:
    """name: the role's logical name; formerly: `<type>::<name>` of the component that it was made under before."""

    name: str
    namespace: str
    service_account: str
    policy: Policy
    formerly: str


def pod_identities(
    *, region: str, cluster: Cluster, observability: Observability
) -> tuple[ServiceAccountIdentity, ...]:
    """One identity for each service account that calls AWS. The VPC CNI has its own, before all others, and so has a
    load balancer controller that was there before."""
    cluster_name = cluster.name
    controller = ServiceAccountIdentity(
        name="load-balancer-controller",
        namespace=KUBE_SYSTEM,
        service_account=CONTROLLER,
        policy=load_balancer_controller(region=region, cluster_name=cluster_name),
        formerly="mesh:load_balancer:LoadBalancerController::load-balancer-controller",
    )
    collector = ServiceAccountIdentity(
        name=COLLECTOR,
        namespace=OBSERVABILITY,
        service_account=COLLECTOR,
        policy=trace_writer(),
        formerly="mesh:observability:Observability::observability",
    )
    agent = ServiceAccountIdentity(
        name=CLOUDWATCH_AGENT,
        namespace=CLOUDWATCH_NAMESPACE,
        service_account=CLOUDWATCH_AGENT,
        policy=container_log_writer(region=region, cluster_name=cluster_name),
        formerly="mesh:observability:Observability::observability",
    )
    return (
        *(() if cluster.provided.load_balancer_controller else (controller,)),
        *((collector,) if observability.tracing else ()),
        *((agent,) if observability.container_logs else ()),
    )

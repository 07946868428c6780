"""The AWS identities of service accounts: the platform's own, as far as a stack's settings ask for them, and those of
applications."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from configuration.cluster import Cluster
from configuration.mesh import Observability
from manifests.iam import Policy, application_policy, container_log_writer, load_balancer_controller, trace_writer
from manifests.load_balancer_controller import CONTROLLER
from manifests.mesh_graph import Member
from manifests.names import COLLECTOR, KUBE_SYSTEM, OBSERVABILITY

_LONGEST_NAME = 56

CLOUDWATCH_AGENT = "cloudwatch-agent"
CLOUDWATCH_NAMESPACE = "amazon-cloudwatch"


@dataclass(frozen=True, kw_only=True)
class ServiceAccountIdentity:
    """name: the role's logical name; formerly: `<type>::<name>` of the component that it was made under before, if it
    was."""

    name: str
    namespace: str
    service_account: str
    policy: Policy
    formerly: str | None = None


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


def application_identity(member: Member, *, region: str) -> ServiceAccountIdentity | None:
    """That of an application; None if it may do nothing in AWS."""
    application, namespace = member.application, member.namespace.name
    if not application.aws_policy and not application.managed_secrets:
        return None
    names = sorted({name for name, _ in application.managed_secrets.values()})
    return ServiceAccountIdentity(
        name=_role_name(namespace, application.name),
        namespace=namespace,
        service_account=application.identity,
        policy=application_policy(application.aws_policy, secrets=names, region=region),
    )


def _role_name(namespace: str, application: str) -> str:
    """`secure-apps.billing-api`, which no other application has: neither name holds a dot.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html: 64 characters, of which Pulumi adds eight.
    """
    name = f"{namespace}.{application}"
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[: _LONGEST_NAME - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"

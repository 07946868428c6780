"""The EKS cluster: one of our own, or an existing one by name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from configuration.kinds.aws import AmiRelease, SecurityGroupId
from configuration.kinds.principals import PrincipalArn
from configuration.network import RetentionDays
from configuration.problems import rejection
from configuration.section import section
from configuration.values import Cidr, ClusterName, Label, VersionText, Whole, within
from versions import KUBERNETES

LogType = Literal["api", "audit", "authenticator", "controllerManager", "scheduler"]


def _said(value: Any) -> Any:
    # Both were all there was to say once.
    if value is True:
        raise rejection(
            "What the cluster has must be said: the rest is installed into it, and would collide with what is there.",
            "Write {metricsServer: true, networkPolicy: true, podIdentityAgent: true}, which is what true meant; "
            "`meshops preflight` says what is there.",
        )
    return None if value is False else value


@section
class AccessEntry:
    """Who may use the Kubernetes API, by IAM principal: an EKS access entry with one access policy.

    `Edit` and `View` are the program's own roles `mesh-tenant` and `mesh-reader`, in namespaces of the stack; the
    others are EKS's policies.
    """

    principal_arn: PrincipalArn
    """An IAM role or user, not a session of it."""
    policy: Literal["ClusterAdmin", "Admin", "Edit", "View", "AdminView"]
    namespaces: tuple[Label, ...] = ()
    """Limits the policy to these namespaces: of the stack, with EKS's policies of the platform too. Empty means the
    whole cluster, or for `Edit` and `View` every namespace of the stack."""


@section
class Karpenter:
    """The nodes that Karpenter adds to the groups', with `autoscaler: karpenter`."""

    cpu_limit: Annotated[Whole, within(2, 10000, "vCPU")] = 64
    """How many vCPUs all of them may have together: what a loop that makes pods may cost."""
    consolidate_after_minutes: Annotated[Whole, within(1, 1440, "minutes")] = 5
    """How long a node must be under-used before its pods are moved and it goes."""
    expire_after_hours: Annotated[Whole, within(24, 8760, "hours")] = 336
    """How old a node becomes; then it is drained, and another takes its place."""
    disruption_percent: Annotated[Whole, within(1, 100, "percent")] = 10
    """How many of the nodes may go at once, under-used or for a newer AMI; one at least. Age does not wait for it."""


@section
class NodeGroup:
    """Of our own cluster: one group for each zone, so that a change reaches the zones one after the other. An existing
    network, whose zones nobody names, has one group over all of its subnets.

    The sizes are the whole cluster's and are spread over the zones, what is left over to the first by name: 4 over
    three zones is 2, 1, 1."""

    instance_types: Annotated[tuple[str, ...], Field(min_length=1)] = ("m7i.large",)
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    capacity: Literal["ON_DEMAND", "SPOT"] = "ON_DEMAND"
    min_size: Annotated[Whole, within(1, 450, "nodes")] = 2
    desired_size: Annotated[Whole, within(1, 450, "nodes")] = 3
    max_size: Annotated[Whole, within(1, 450, "nodes")] = 6
    disk_gib: Annotated[Whole, within(20, 16384, "GiB")] = 50
    ami_release: AmiRelease | None = None
    """The nodes' AMI, as "1.35.6-20260714"; without it the one that `versions.py` has for the Kubernetes version. Nodes
    never change by themselves: a newer release is a change here or there, and rolls them one zone after the other."""
    autoscaler: Literal["none", "karpenter"] = "none"
    """What adds nodes when pods find no room: nothing, or Karpenter, beside the groups and of their instance types.
    With Karpenter `desiredSize` counts at creation only."""
    karpenter: Karpenter = Karpenter()


@section
class ExistingCluster:
    """What a cluster that is somebody else's has already: it is used as it is. What it has not is installed, but for a
    network policy engine. `meshops preflight` reads whether that is so (MP401 to MP405)."""

    load_balancer_controller: bool = False
    """The AWS Load Balancer Controller with its CRDs, its ingress class `alb` and its identity for AWS."""
    cert_manager: bool = False
    """cert-manager with its CRDs, in the namespace `cert-manager`."""
    metrics_server: bool = False
    """Whatever serves the metrics API: without one no HorizontalPodAutoscaler scales."""
    network_policy: bool = False
    """An engine that enforces NetworkPolicies, e.g. the VPC CNI with `enableNetworkPolicy`. Without one they are
    submitted, and hold nobody back."""
    pod_identity_agent: bool = False
    """The add-on `eks-pod-identity-agent`, by which the platform's pods get their AWS identities."""


@section
class Cluster:
    name: ClusterName
    """Also what the subnets' tags carry; of an existing cluster, its name."""
    kubernetes_version: VersionText = KUBERNETES
    access: tuple[AccessEntry, ...] = ()
    """Everybody who has access, the deployer too: whoever creates the cluster gets none by that. Somebody must be
    `ClusterAdmin`."""
    oidc: bool = False
    """An IAM OIDC provider, for workloads that still use IAM roles for service accounts."""
    logs: tuple[LogType, ...] = ("api", "audit", "authenticator", "controllerManager", "scheduler")
    log_retention_days: RetentionDays = 90
    control_plane_zones: tuple[str, ...] = ()
    """The zones that the control plane was created in, once `network.zones` has got more: EKS takes subnets of no other
    zone later. Nodes and pods use all zones. Empty means all of them."""
    public_access_cidrs: tuple[Cidr, ...] = ()
    """Who may reach the API server from the internet; empty means that it has a private endpoint only."""
    private_access_cidrs: tuple[Cidr, ...] = ()
    """Who may reach it inside the network: a VPN's, a peered VPC's or the runners' addresses."""
    private_access_security_groups: tuple[SecurityGroupId, ...] = ()
    """The same for whoever carries one of these groups in the VPC: a runner, and not the pods beside it."""
    deletion_protection: bool = True
    """Of the cluster, and of the VPC's DNS firewall where the cluster is our own."""
    node_group: NodeGroup = NodeGroup()
    existing: Annotated[ExistingCluster | None, BeforeValidator(_said)] = None
    """The cluster `name` is somebody else's, and has this: nothing of it is changed, the mesh is installed into it. Its
    nodes must admit the API server to the webhooks' ports (15017, 10250, 9443). All other settings of the cluster are
    without effect then."""

    @property
    def private_access(self) -> tuple[str, ...]:
        """Both, as a person reads them."""
        return (*map(str, self.private_access_cidrs), *self.private_access_security_groups)

    @property
    def provided(self) -> ExistingCluster:
        """What is there before this program comes; in a cluster of our own nothing."""
        return self.existing or ExistingCluster()

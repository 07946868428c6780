"""The ways into a cluster of our own: who is its administrator, and which networks reach its API server."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import Any

import pulumi
import pulumi_aws as aws

from configuration.cluster import Cluster as ClusterSettings

_CLUSTER = "aws:eks/cluster:Cluster"
_CREATORS_ADMIN = "bootstrapClusterCreatorAdminPermissions"


def without_creators_admin(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """Takes from whoever creates the cluster the hidden access entry that pulumi-eks asks EKS for.

    A transform: the engine runs it for the children of the remote component too, which transformations never see.
    With the hidden entry, listing the same principal in `cluster.access` ends in ResourceInUseException (409), and
    whoever happened to run the first `up` stays an administrator that no file names. It acts on creation only:
    pulumi-eks ignores later changes of this property (nodejs/eks/cluster/cluster.ts, `ignoreChanges`), so a cluster
    that exists keeps what it was made with.
    https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html
    """
    if args.type_ != _CLUSTER:
        return None
    access = args.props.get("accessConfig") or {}
    ours: Any = access.apply(_without) if isinstance(access, pulumi.Output) else _without(access)
    return pulumi.ResourceTransformResult(props={**args.props, "accessConfig": ours}, opts=args.opts)


def _without(access: Any) -> dict[str, Any]:
    return {**(access or {}), _CREATORS_ADMIN: False}


def private_rules(
    cidrs: Sequence[IPv4Network], *, security_group_id: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> tuple[pulumi.Resource, ...]:
    """Admits networks to the private endpoint: the cluster's group otherwise admits nobody but its own members.

    https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html
    """
    return tuple(
        aws.vpc.SecurityGroupIngressRule(
            f"api-{cidr}",
            security_group_id=security_group_id,
            description="The Kubernetes API, for those who administer the cluster",
            cidr_ipv4=str(cidr),
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            opts=opts,
        )
        for cidr in cidrs
    )


def still_waits(settings: ClusterSettings) -> str:
    """What stands between the stack and a private endpoint alone; empty if nothing does, or if it is not wanted."""
    if settings.existing or not settings.private_access_cidrs or not settings.public_access_cidrs:
        return ""
    public, private = (
        ", ".join(map(str, cidrs)) for cidrs in (settings.public_access_cidrs, settings.private_access_cidrs)
    )
    return (
        f"The API server of {settings.name} still answers {public} over the internet, as a first `up` from outside "
        f"the VPC needs. It waits for a deployer within {private} that has a route into the VPC: run from there once, "
        "then remove cluster.publicAccessCidrs."
    )

"""The ways into a cluster of our own: who is its administrator, and which networks reach its API server."""

from __future__ import annotations

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
    settings: ClusterSettings, *, security_group_id: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> tuple[pulumi.Resource, ...]:
    """Admits networks and groups to the private endpoint: the cluster's group otherwise admits its own members alone.

    https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html
    """
    return (
        *(
            _private_rule(f"api-{cidr}", security_group_id, opts, cidr=str(cidr))
            for cidr in settings.private_access_cidrs
        ),
        *(
            _private_rule(f"api-{group}", security_group_id, opts, group=group)
            for group in settings.private_access_security_groups
        ),
    )


def _private_rule(
    name: str,
    security_group_id: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
    *,
    cidr: str | None = None,
    group: str | None = None,
) -> aws.vpc.SecurityGroupIngressRule:
    return aws.vpc.SecurityGroupIngressRule(
        name,
        security_group_id=security_group_id,
        description="The Kubernetes API, for those who administer the cluster",
        cidr_ipv4=cidr,
        referenced_security_group_id=group,
        ip_protocol="tcp",
        from_port=443,
        to_port=443,
        opts=opts,
    )


def still_waits(settings: ClusterSettings) -> str:
    """What stands between the stack and a private endpoint alone; empty if nothing does, or if it is not wanted."""
    if settings.existing or not settings.private_access or not settings.public_access_cidrs:
        return ""
    public, private = (", ".join(map(str, ways)) for ways in (settings.public_access_cidrs, settings.private_access))
    return (
        f"The API server of {settings.name} still answers {public} over the internet, as a first `up` from outside "
        f"the VPC needs. It waits for a deployer within {private} that has a route into the VPC: run from there once, "
        "then remove cluster.publicAccessCidrs."
    )

"""The managed node groups: one for each zone, each after the other, so that a change never reaches two at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_aws as aws

from configuration.cluster import Cluster as ClusterSettings
from manifests.iam import NODE_POLICIES, service_trust
from manifests.nodes import HOP_LIMIT, ROOT_DEVICE, Sizes, node_release, node_tags, sizes_by_zone

_AMI_TYPES: dict[Literal["x86_64", "arm64"], str] = {
    "x86_64": "AL2023_x86_64_STANDARD",
    "arm64": "AL2023_ARM_64_STANDARD",
}

Child = Callable[..., pulumi.ResourceOptions]
"""The options of a child of the cluster's component that depends on some resources."""


@dataclass(frozen=True, kw_only=True)
class NodeGroupsArgs:
    settings: ClusterSettings
    cluster_name: pulumi.Input[str]
    subnets: Mapping[str, pulumi.Input[str]]
    """Zone -> its private subnet; empty where nobody named the zones."""
    subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]]
    """All of them, for the one group of such a network."""
    tags: Mapping[str, str]
    after: Sequence[pulumi.Resource]


def node_groups(args: NodeGroupsArgs, *, child: Child) -> tuple[aws.eks.NodeGroup, ...]:
    """Makes them with their role and launch template; each comes after the one before.

    The zone named last goes first: a new one, which stands at the end of the settings' list, has its nodes before the
    others hand theirs over.
    """
    group = args.settings.node_group
    role, policies = node_role("nodes", child=child)
    template = _launch_template(args, child)
    if not args.subnets:
        whole = Sizes(min_size=group.min_size, desired_size=group.desired_size, max_size=group.max_size)
        return (_group("nodes", args, args.subnet_ids, whole, role, template, child(*policies, *args.after)),)
    sizes = sizes_by_zone(group, tuple(args.subnets))
    made: list[aws.eks.NodeGroup] = []
    for zone, subnet in reversed(tuple(args.subnets.items())):
        after = child(*(made[-1:] or (*policies, *args.after)))
        made.append(_group(f"nodes-{zone}", args, [subnet], sizes[zone], role, template, after))
    return tuple(made)


def node_role(name: str, *, child: Child) -> tuple[aws.iam.Role, tuple[pulumi.Resource, ...]]:
    """A role with which an instance may join a cluster and pull images, and what gives it that."""
    role = aws.iam.Role(name, assume_role_policy=json.dumps(service_trust("ec2.amazonaws.com")), opts=child())
    policies = tuple(
        aws.iam.RolePolicyAttachment(f"{name}-{key}", role=role.name, policy_arn=arn, opts=child())
        for key, arn in NODE_POLICIES.items()
    )
    return role, policies


def _group(
    name: str,
    args: NodeGroupsArgs,
    subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]],
    sizes: Sizes,
    role: aws.iam.Role,
    template: aws.ec2.LaunchTemplate,
    opts: pulumi.ResourceOptions,
) -> aws.eks.NodeGroup:
    cluster, group = args.settings, args.settings.node_group
    if group.autoscaler == "karpenter":
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(ignore_changes=["scalingConfig.desiredSize"]))
    return aws.eks.NodeGroup(
        name,
        cluster_name=args.cluster_name,
        node_role_arn=role.arn,
        subnet_ids=subnet_ids,
        version=cluster.kubernetes_version,
        release_version=node_release(cluster),
        ami_type=_AMI_TYPES[group.architecture],
        capacity_type=group.capacity,
        instance_types=list(group.instance_types),
        scaling_config=aws.eks.NodeGroupScalingConfigArgs(
            min_size=sizes.min_size, desired_size=sizes.desired_size, max_size=sizes.max_size
        ),
        update_config=aws.eks.NodeGroupUpdateConfigArgs(max_unavailable_percentage=33),
        launch_template=aws.eks.NodeGroupLaunchTemplateArgs(id=template.id, version=template.latest_version.apply(str)),
        opts=opts,
    )


def _launch_template(args: NodeGroupsArgs, child: Child) -> aws.ec2.LaunchTemplate:
    # No security group here: EKS then attaches the cluster's own, which admits the API server to every webhook
    # (15017, 10250, 9443) and is the only one with the cluster's tag.
    return aws.ec2.LaunchTemplate(
        "nodes",
        update_default_version=True,
        metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
            http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=HOP_LIMIT
        ),
        block_device_mappings=[
            aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
                device_name=ROOT_DEVICE,
                ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                    volume_type="gp3",
                    volume_size=args.settings.node_group.disk_gib,
                    encrypted="true",
                    delete_on_termination="true",
                ),
            )
        ],
        # EC2 makes these at each launch, from what stands here and from nothing else.
        # https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html: the tags of EKS stay on EKS.
        tag_specifications=[
            aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=node_tags(args.settings, args.tags))
            for kind in ("instance", "volume")
        ],
        opts=child(),
    )

"""MR803: Nothing with a finalizer in AWS is dropped from the state unasked, and nothing that costs is left behind."""

from __future__ import annotations

from collections.abc import Iterator

from policy.mesh import RELEASE
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack, chart_of

_COSTLY = (
    "aws:ec2/eip:Eip",
    "aws:ec2/natGateway:NatGateway",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    "aws:ec2/vpc:Vpc",
    "aws:ec2/subnet:Subnet",
    "aws:eks/nodeGroup:NodeGroup",
    "aws:ec2/launchTemplate:LaunchTemplate",
    "aws:iam/role:Role",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:eks/podIdentityAssociation:PodIdentityAssociation",
    "aws:wafv2/webAcl:WebAcl",
    "aws:acm/certificate:Certificate",
    "eks:index:Cluster",
)


@rule(
    "MR803",
    "Order",
    title="Nothing with a finalizer in AWS is dropped from the state unasked, and nothing that costs is left behind.",
    why="deleted_with, or retain_on_delete, on the Ingress, the NLB's Service or the controller leaves load balancer "
    "and security groups to nobody.",
    source="https://www.pulumi.com/docs/iac/concepts/resources/options/deletedwith/; "
    "https://www.pulumi.com/docs/iac/concepts/resources/options/retainondelete/",
    severity="critical",
    remedy="Take the option away; deleted_with the cluster is right for objects that live in it only.",
    about=("Ingress", "Service", RELEASE, *_COSTLY),
    alone=False,
)
def nothing_orphaned(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    balanced = resource.kind == "Ingress" or (
        resource.kind == "Service" and resource.at("spec", "type") == "LoadBalancer"
    )
    controller = resource.type == RELEASE and chart_of(resource) == "aws-load-balancer-controller"
    if (balanced or controller) and resource.deleted_with:
        yield Flaw(field="(deleted_with)", value=resource.deleted_with.rpartition("::")[2])
    if (balanced or controller or resource.type in _COSTLY) and resource.retain_on_delete:
        yield Flaw(field="(retain_on_delete)", value="true")

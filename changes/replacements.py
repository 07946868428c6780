"""Which changes make the provider delete a resource and make another in its place, as far as its source was read.

A plan has no provider: what a change of a property does is recorded here, from the schema in the provider's own
source. Of a type that is not recorded nobody knows, and the comparison says so. What refers to a replaced resource by
its id is often replaced with it; the engine's preview is what names those.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_AWS = "hashicorp/terraform-provider-aws, internal/service"
_KUBERNETES = "pulumi/pulumi-kubernetes, provider/pkg/provider"

STATEFUL: Mapping[str, str] = {
    "aws:ec2/vpc:Vpc": "everything stands in it",
    "aws:ec2/subnet:Subnet": "nodes and load balancers stand in it",
    "aws:kms/key:Key": "without it the cluster's Secrets cannot be read",
    "aws:cloudwatch/logGroup:LogGroup": "its logs go with it",
    "eks:index:Cluster": "everything in the cluster goes with it",
}
"""Types whose replacement or removal loses more than the resource itself, and what."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """Of one type. properties: of its inputs, as Pulumi spells them, that cannot change in place; ordered: those of
    them whose order counts; removed: those that cannot be taken away; source: where that stands."""

    properties: tuple[str, ...]
    source: str
    ordered: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def _aws(file: str, *properties: str, ordered: tuple[str, ...] = ()) -> Recorded:
    return Recorded(properties=properties, source=f"{_AWS}/{file} (ForceNew)", ordered=ordered)


RECORDED: Mapping[str, Recorded] = {
    "aws:ec2/vpc:Vpc": _aws("ec2/vpc_.go", "cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength"),
    "aws:ec2/subnet:Subnet": _aws(
        "ec2/vpc_subnet.go", "availabilityZone", "availabilityZoneId", "cidrBlock", "ipv6Native", "outpostArn", "vpcId"
    ),
    "aws:ec2/natGateway:NatGateway": _aws(
        "ec2/vpc_nat_gateway.go", "allocationId", "connectivityType", "privateIp", "subnetId"
    ),
    "aws:ec2/eip:Eip": _aws("ec2/ec2_eip.go", "address", "domain", "networkBorderGroup", "publicIpv4Pool"),
    "aws:ec2/route:Route": _aws("ec2/vpc_route.go", "destinationCidrBlock", "routeTableId"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _aws(
        "ec2/vpc_route_table_association.go", "gatewayId", "subnetId"
    ),
    "aws:ec2/securityGroup:SecurityGroup": _aws(
        "ec2/vpc_security_group.go", "description", "name", "namePrefix", "vpcId"
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _aws("ec2/vpc_endpoint.go", "serviceName", "vpcEndpointType", "vpcId"),
    "aws:ec2/flowLog:FlowLog": _aws(
        "ec2/vpc_flow_log.go",
        "iamRoleArn",
        "logDestination",
        "logDestinationType",
        "logFormat",
        "maxAggregationInterval",
        "trafficType",
        "vpcId",
    ),
    "aws:cloudwatch/logGroup:LogGroup": _aws("logs/group.go", "logGroupClass", "name", "namePrefix"),
    "aws:kms/key:Key": _aws("kms/key.go", "customKeyStoreId", "customerMasterKeySpec", "keyUsage", "multiRegion"),
    "aws:iam/role:Role": _aws("iam/role.go", "name", "namePrefix", "path"),
    "aws:iam/rolePolicy:RolePolicy": _aws("iam/role_policy.go", "name", "namePrefix", "role"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _aws("iam/role_policy_attachment.go", "policyArn", "role"),
    "aws:iam/instanceProfile:InstanceProfile": _aws("iam/instance_profile.go", "name", "namePrefix", "path"),
    "aws:sqs/queuePolicy:QueuePolicy": _aws("sqs/queue_policy.go", "queueUrl"),
    "aws:eks/accessEntry:AccessEntry": _aws("eks/access_entry.go", "clusterName", "principalArn", "type"),
    # Everything else in it makes a new version of the same template.
    "aws:ec2/launchTemplate:LaunchTemplate": _aws("ec2/ec2_launch_template.go", "name", "namePrefix"),
    "aws:acm/certificate:Certificate": _aws(
        "acm/certificate.go", "domainName", "keyAlgorithm", "subjectAlternativeNames", "validationMethod"
    ),
    "aws:acm/certificateValidation:CertificateValidation": _aws(
        "acm/certificate_validation.go", "certificateArn", "validationRecordFqdns"
    ),
    "aws:route53/record:Record": _aws("route53/record.go", "name", "zoneId"),
    "aws:route53/resolverFirewallRule:ResolverFirewallRule": _aws(
        "route53resolver/firewall_rule.go", "firewallDomainListId", "firewallRuleGroupId"
    ),
    "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList": _aws(
        "route53resolver/firewall_domain_list.go", "name"
    ),
    "aws:wafv2/webAcl:WebAcl": _aws("wafv2/web_acl.go", "name", "namePrefix", "scope"),
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": _aws(
        "wafv2/web_acl_logging_configuration.go", "logDestinationConfigs", "resourceArn"
    ),
    "aws:eks/addon:Addon": _aws("eks/addon.go", "addonName", "clusterName"),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": Recorded(
        properties=("clusterName", "namespace", "serviceAccount"),
        source=f"{_AWS}/eks/pod_identity_association.go (RequiresReplace)",
    ),
    "aws:eks/nodeGroup:NodeGroup": _aws(
        "eks/node_group.go",
        "amiType",
        "capacityType",
        "clusterName",
        "diskSize",
        "instanceTypes",
        "launchTemplate.id",
        "launchTemplate.name",
        "nodeGroupName",
        "nodeGroupNamePrefix",
        "nodeRoleArn",
        "remoteAccess",
        "subnetIds",
        ordered=("instanceTypes",),
    ),
    # The component's arguments that its cluster gets as they are.
    "eks:index:Cluster": Recorded(
        properties=("name", "bootstrapSelfManagedAddons"),
        removed=("encryptionConfigKeyArn",),
        source=f"{_AWS}/eks/cluster.go (ForceNew; encryption_config: ForceNewIfChange)",
    ),
    "kubernetes:helm.sh/v3:Release": Recorded(
        properties=("name", "namespace"), source=f"{_KUBERNETES}/helm_release.go (forceNewFields)"
    ),
    # All of its resources with it: they are another cluster's then.
    "pulumi:providers:kubernetes": Recorded(
        properties=("clusterIdentifier",), source=f"{_KUBERNETES}/provider.go (DiffConfig)"
    ),
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """because: the changed properties that the provider cannot change in place; known: whether anybody has read."""

    because: tuple[str, ...]
    known: bool


def verdict(type_: str, changes: Iterable[tuple[str, bool]]) -> Verdict:
    """changes: of one resource, each its path (`inputs.subnetIds[]`) and whether it takes something away whole."""
    changes = tuple(change for change in changes if change[0].startswith("inputs."))
    if not changes:
        # An option or the order changes the state only.
        return Verdict(because=(), known=True)
    recorded = RECORDED.get(type_) or _kubernetes(type_)
    if recorded is None:
        # Components of our own have no inputs, and a provider of Pulumi's is changed in place unless recorded.
        return Verdict(because=(), known=type_.startswith(("mesh:", "pulumi:")))
    because: dict[str, None] = {}
    for path, gone in changes:
        for name in (*recorded.properties, *(recorded.removed if gone else ())):
            if _concerns(path, name, ordered=name in recorded.ordered):
                because[name] = None
    return Verdict(because=tuple(because), known=True)


def _concerns(path: str, name: str, *, ordered: bool) -> bool:
    if path.endswith(" (order)") and not ordered:
        return False
    return re.match(rf"inputs\.{re.escape(name)}(?![\w-])", path) is not None


def _kubernetes(type_: str) -> Recorded | None:
    """Every object is its name's and its namespace's; some kinds have fields of their own that cannot change."""
    if not type_.startswith("kubernetes:"):
        return None
    return Recorded(
        properties=("metadata.name", "metadata.namespace", *_KUBERNETES_FIELDS.get(type_, ())),
        source=f"{_KUBERNETES}/diff.go (forceNew)",
    )


_KUBERNETES_FIELDS: Mapping[str, tuple[str, ...]] = {
    "kubernetes:apps/v1:Deployment": ("spec.selector",),
    "kubernetes:core/v1:ConfigMap": ("data", "binaryData"),
    "kubernetes:core/v1:Secret": ("data", "stringData", "type"),
    "kubernetes:core/v1:Service": ("spec.clusterIP",),
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": ("roleRef",),
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding": ("roleRef",),
}

"""What a deployer calls for each type of resource that a stack makes: one table, each row with its source.

The calls are those of the Terraform provider that pulumi-aws is built of (`hashicorp/terraform-provider-aws`,
`internal/service/…` at 5f2286d6d836, June 2026); where AWS itself asks for more, its document stands beside the row.
What an action may be limited to is the service authorization reference's
(https://docs.aws.amazon.com/service-authorization/latest/reference/), against which tests/contract/iam holds all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Group = Literal["network", "names", "cluster", "identity", "edge", "telemetry"]
"""One managed policy each: an IAM policy takes 6,144 characters."""

Condition = Literal["any", "made", "ours", "passed", "attached", "linked"]
"""made: the request tags it as this environment's; ours: it carries that tag; passed, attached, linked: which services,
policies and service-linked roles."""


@dataclass(frozen=True, kw_only=True)
class Grant:
    """actions: without the service; on: ARNs, with the names in braces replaced by what the plan says."""

    service: str
    actions: str
    on: tuple[str, ...] = ("*",)
    condition: Condition = "any"


@dataclass(frozen=True, kw_only=True)
class Rights:
    """What one type of resource takes. reads: full names of actions, for a preview too. source: the provider's file."""

    group: Group
    writes: tuple[Grant, ...]
    reads: str
    source: str


_EC2 = ("arn:aws:ec2:{region}:{account}:*",)
_ROLES = ("arn:aws:iam::{account}:role/{role}-*",)
_CLUSTER = ("arn:aws:eks:{region}:{account}:cluster/{cluster}",)
_LOGS = (
    "arn:aws:logs:{region}:{account}:log-group:{log_group}",
    "arn:aws:logs:{region}:{account}:log-group:{log_group}:*",
)
_KEYS = ("arn:aws:kms:{region}:{account}:key/*",)
_RESOLVER = "arn:aws:route53resolver:{region}:{account}:"
_WEB_ACLS = ("arn:aws:wafv2:{region}:{account}:regional/webacl/*",)


def _ec2(kind: str, makes: str, removes: str = "", reads: str = "", *, changes: str = "", source: str) -> Rights:
    """removes: of what carries the environment's tag alone. kind: its ARN's."""
    own = (f"arn:aws:ec2:{{region}}:{{account}}:{kind}/*",)
    return Rights(
        group="network",
        writes=(
            Grant(service="ec2", actions=f"{makes} {changes} CreateTags".strip(), on=_EC2),
            *((Grant(service="ec2", actions=f"{removes} DeleteTags", on=own, condition="ours"),) if removes else ()),
        ),
        reads=" ".join(f"ec2:{action}" for action in reads.split()),
        source=f"ec2/{source}",
    )


def _resolver(kind: str, writes: str, reads: str, source: str, *more: Grant) -> Rights:
    return Rights(
        group="names",
        writes=(
            Grant(service="route53resolver", actions=writes, on=tuple(f"{_RESOLVER}{one}/*" for one in kind.split())),
            *more,
        ),
        reads=" ".join(f"route53resolver:{action}" for action in (*reads.split(), "ListTagsForResource")),
        source=f"route53resolver/{source}",
    )


def _eks(kind: str, writes: str, reads: str, source: str, *more: Grant) -> Rights:
    on = (*_CLUSTER, *(f"arn:aws:eks:{{region}}:{{account}}:{one}/{{cluster}}/*" for one in kind.split()))
    return Rights(
        group="cluster",
        writes=(Grant(service="eks", actions=f"{writes} TagResource UntagResource", on=on), *more),
        reads=" ".join(f"eks:{action}" for action in (*reads.split(), "ListTagsForResource")),
        source=f"eks/{source}",
    )


_PASS = Grant(service="iam", actions="PassRole", on=_ROLES, condition="passed")
_ASK_ROLE = "iam:GetRole"
# https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-query-logs-choosing-target-resource.html and
# https://docs.aws.amazon.com/waf/latest/developerguide/logging-cw-logs.html: none of these knows a resource.
_DELIVERY = Grant(
    service="logs",
    actions="CreateLogDelivery DeleteLogDelivery GetLogDelivery ListLogDeliveries UpdateLogDelivery PutResourcePolicy "
    "DescribeResourcePolicies DescribeLogGroups",
)

RIGHTS: dict[str, Rights] = {
    # --- VPC -----------------------------------------------------------------------------------------------------
    "aws:ec2/vpc:Vpc": _ec2(
        "vpc", "CreateVpc ModifyVpcAttribute", "DeleteVpc",
        "DescribeVpcs DescribeVpcAttribute DescribeNetworkAcls DescribeRouteTables DescribeSecurityGroups",
        source="vpc_.go",
    ),
    "aws:ec2/subnet:Subnet": _ec2(
        "subnet", "CreateSubnet ModifySubnetAttribute", "DeleteSubnet", "DescribeSubnets DescribeNetworkInterfaces",
        source="vpc_subnet.go",
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _ec2(
        "security-group", "RevokeSecurityGroupIngress RevokeSecurityGroupEgress AuthorizeSecurityGroupIngress "
        "AuthorizeSecurityGroupEgress",
        reads="DescribeSecurityGroups DescribeSecurityGroupRules", source="vpc_default_security_group.go",
    ),
    "aws:ec2/securityGroup:SecurityGroup": _ec2(
        "security-group", "CreateSecurityGroup AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress "
        "RevokeSecurityGroupIngress RevokeSecurityGroupEgress", "DeleteSecurityGroup",
        "DescribeSecurityGroups DescribeSecurityGroupRules DescribeNetworkInterfaces", source="vpc_security_group.go",
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _ec2(
        "security-group-rule", "AuthorizeSecurityGroupIngress ModifySecurityGroupRules RevokeSecurityGroupIngress",
        reads="DescribeSecurityGroupRules", source="vpc_security_group_ingress_rule.go",
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _ec2(
        "security-group-rule", "AuthorizeSecurityGroupEgress ModifySecurityGroupRules RevokeSecurityGroupEgress",
        reads="DescribeSecurityGroupRules", source="vpc_security_group_egress_rule.go",
    ),
    "aws:ec2/internetGateway:InternetGateway": _ec2(
        "internet-gateway", "CreateInternetGateway AttachInternetGateway DetachInternetGateway",
        "DeleteInternetGateway", "DescribeInternetGateways", source="vpc_internet_gateway.go",
    ),
    "aws:ec2/eip:Eip": _ec2(
        "elastic-ip", "AllocateAddress DisassociateAddress", "ReleaseAddress",
        "DescribeAddresses DescribeAddressesAttribute", source="ec2_eip.go",
    ),
    "aws:ec2/natGateway:NatGateway": _ec2(
        "natgateway", "CreateNatGateway", "DeleteNatGateway", "DescribeNatGateways", source="vpc_nat_gateway.go",
    ),
    "aws:ec2/routeTable:RouteTable": _ec2(
        "route-table", "CreateRouteTable", "DeleteRouteTable", "DescribeRouteTables", source="vpc_route_table.go",
    ),
    "aws:ec2/route:Route": _ec2(
        "route-table", "CreateRoute DeleteRoute ReplaceRoute", reads="DescribeRouteTables", source="vpc_route.go",
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _ec2(
        "route-table", "AssociateRouteTable DisassociateRouteTable ReplaceRouteTableAssociation",
        reads="DescribeRouteTables", source="vpc_route_table_association.go",
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _ec2(
        "vpc-endpoint", "CreateVpcEndpoint ModifyVpcEndpoint", "DeleteVpcEndpoints",
        "DescribeVpcEndpoints DescribePrefixLists DescribeVpcEndpointServices", source="vpc_endpoint.go",
    ),
    "aws:ec2/flowLog:FlowLog": Rights(
        group="network",
        writes=(
            Grant(service="ec2", actions="CreateFlowLogs CreateTags", on=_EC2),
            Grant(
                service="ec2",
                actions="DeleteFlowLogs DeleteTags",
                on=("arn:aws:ec2:{region}:{account}:vpc-flow-log/*",),
                condition="ours",
            ),
            _PASS,
        ),
        reads="ec2:DescribeFlowLogs",
        source="ec2/vpc_flow_log.go",
    ),
    "aws:ec2/tag:Tag": _ec2("subnet", "CreateTags DeleteTags", reads="DescribeTags", source="tag_gen.go"),
    "aws:ec2/launchTemplate:LaunchTemplate": _ec2(
        "launch-template", "CreateLaunchTemplate CreateLaunchTemplateVersion ModifyLaunchTemplate",
        "DeleteLaunchTemplate", "DescribeLaunchTemplates DescribeLaunchTemplateVersions",
        source="ec2_launch_template.go",
    ),
    # --- DNS firewall --------------------------------------------------------------------------------------------
    "aws:route53/resolverFirewallConfig:ResolverFirewallConfig": _resolver(
        "firewall-config", "UpdateFirewallConfig", "ListFirewallConfigs GetFirewallConfig", "firewall_config.go",
    ),
    "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList": _resolver(
        "firewall-domain-list", "CreateFirewallDomainList DeleteFirewallDomainList UpdateFirewallDomains TagResource "
        "UntagResource", "GetFirewallDomainList ListFirewallDomains", "firewall_domain_list.go",
    ),
    "aws:route53/resolverFirewallRule:ResolverFirewallRule": _resolver(
        "firewall-rule-group firewall-domain-list", "CreateFirewallRule DeleteFirewallRule UpdateFirewallRule",
        "ListFirewallRules", "firewall_rule.go",
    ),
    "aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup": _resolver(
        "firewall-rule-group", "CreateFirewallRuleGroup DeleteFirewallRuleGroup TagResource UntagResource",
        "GetFirewallRuleGroup", "firewall_rule_group.go",
    ),
    "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation": _resolver(
        "firewall-rule-group-association firewall-rule-group", "AssociateFirewallRuleGroup "
        "DisassociateFirewallRuleGroup UpdateFirewallRuleGroupAssociation TagResource UntagResource",
        "GetFirewallRuleGroupAssociation", "firewall_rule_group_association.go",
    ),
    "aws:route53/resolverQueryLogConfig:ResolverQueryLogConfig": _resolver(
        "resolver-query-log-config", "CreateResolverQueryLogConfig DeleteResolverQueryLogConfig TagResource "
        "UntagResource", "GetResolverQueryLogConfig", "query_log_config.go", _DELIVERY,
    ),
    "aws:route53/resolverQueryLogConfigAssociation:ResolverQueryLogConfigAssociation": _resolver(
        "resolver-query-log-config", "AssociateResolverQueryLogConfig DisassociateResolverQueryLogConfig",
        "GetResolverQueryLogConfigAssociation", "query_log_config_association.go",
    ),
    # --- EKS -----------------------------------------------------------------------------------------------------
    # A remote component: the control plane, its role and the access entries are inside, where no plan sees them.
    "eks:index:Cluster": _eks(
        "access-entry",
        "DeleteCluster UpdateClusterConfig UpdateClusterVersion AssociateEncryptionConfig CreateAccessEntry "
        "DeleteAccessEntry UpdateAccessEntry AssociateAccessPolicy DisassociateAccessPolicy",
        "DescribeCluster DescribeUpdate DescribeAccessEntry ListAssociatedAccessPolicies ListAccessEntries",
        "cluster.go, access_entry.go, access_policy_association.go",
        # CreateCluster knows no resource.
        Grant(service="eks", actions="CreateCluster", condition="made"),
        # https://docs.aws.amazon.com/eks/latest/userguide/enable-kms.html: of whoever creates the cluster.
        Grant(service="kms", actions="CreateGrant DescribeKey", on=_KEYS, condition="ours"),
        _PASS,
    ),
    "aws:eks/accessEntry:AccessEntry": _eks(
        "access-entry", "CreateAccessEntry DeleteAccessEntry UpdateAccessEntry", "DescribeAccessEntry",
        "access_entry.go",
    ),
    "aws:eks/addon:Addon": _eks(
        "addon podidentityassociation",
        "CreateAddon DeleteAddon UpdateAddon CreatePodIdentityAssociation DeletePodIdentityAssociation "
        "UpdatePodIdentityAssociation",
        "DescribeAddon DescribeAddonVersions DescribeAddonConfiguration DescribePodIdentityAssociation", "addon.go",
        _PASS,
    ),
    "aws:eks/nodeGroup:NodeGroup": _eks(
        "nodegroup", "CreateNodegroup DeleteNodegroup UpdateNodegroupConfig UpdateNodegroupVersion",
        "DescribeNodegroup DescribeUpdate", "node_group.go",
        # https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html: asked of whoever names a template. An
        # AMI's ARN has no account.
        Grant(service="ec2", actions="RunInstances", on=("arn:aws:ec2:{region}:*:*",)),
        _PASS,
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _eks(
        "podidentityassociation", "CreatePodIdentityAssociation DeletePodIdentityAssociation "
        "UpdatePodIdentityAssociation", "DescribePodIdentityAssociation ListPodIdentityAssociations",
        "pod_identity_association.go", _PASS,
    ),
    "aws:kms/key:Key": Rights(
        group="cluster",
        writes=(
            Grant(service="kms", actions="CreateKey", condition="made"),
            # A key's tags come with its creation; later ones need the key to be the environment's already.
            Grant(
                service="kms",
                actions="EnableKeyRotation DisableKeyRotation PutKeyPolicy ScheduleKeyDeletion CancelKeyDeletion "
                "UpdateKeyDescription TagResource UntagResource",
                on=_KEYS,
                condition="ours",
            ),
        ),
        reads="kms:DescribeKey kms:GetKeyPolicy kms:GetKeyRotationStatus kms:ListResourceTags",
        source="kms/key.go",
    ),
    # --- Roles ---------------------------------------------------------------------------------------------------
    "aws:iam/role:Role": Rights(
        group="identity",
        writes=(
            Grant(service="iam", actions="CreateRole", on=_ROLES, condition="made"),
            Grant(
                service="iam",
                actions="DeleteRole UpdateRole UpdateAssumeRolePolicy TagRole UntagRole",
                on=_ROLES,
                condition="ours",
            ),
            # The first of their kind in an account: https://docs.aws.amazon.com/eks/latest/userguide/using-service-linked-roles.html
            Grant(
                service="iam",
                actions="CreateServiceLinkedRole",
                on=("arn:aws:iam::{account}:role/aws-service-role/*",),
                condition="linked",
            ),
        ),
        reads=f"{_ASK_ROLE} iam:ListRolePolicies iam:ListAttachedRolePolicies iam:ListRoleTags "
        "iam:ListInstanceProfilesForRole",
        source="iam/role.go",
    ),
    "aws:iam/rolePolicy:RolePolicy": Rights(
        group="identity",
        writes=(Grant(service="iam", actions="PutRolePolicy DeleteRolePolicy", on=_ROLES, condition="ours"),),
        reads="iam:GetRolePolicy",
        source="iam/role_policy.go",
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Rights(
        group="identity",
        writes=(Grant(service="iam", actions="AttachRolePolicy DetachRolePolicy", on=_ROLES, condition="attached"),),
        reads="iam:ListAttachedRolePolicies",
        source="iam/role_policy_attachment.go",
    ),
    "aws:iam/instanceProfile:InstanceProfile": Rights(
        group="identity",
        writes=(
            Grant(
                service="iam",
                actions="CreateInstanceProfile DeleteInstanceProfile AddRoleToInstanceProfile "
                "RemoveRoleFromInstanceProfile TagInstanceProfile UntagInstanceProfile",
                on=("arn:aws:iam::{account}:instance-profile/*",),
            ),
            _PASS,
        ),
        reads="iam:GetInstanceProfile iam:ListInstanceProfileTags",
        source="iam/instance_profile.go",
    ),
    # --- The way in ----------------------------------------------------------------------------------------------
    "aws:acm/certificate:Certificate": Rights(
        group="edge",
        writes=(
            Grant(service="acm", actions="RequestCertificate"),
            Grant(
                service="acm",
                actions="DeleteCertificate AddTagsToCertificate RemoveTagsFromCertificate UpdateCertificateOptions",
                on=("arn:aws:acm:{region}:{account}:certificate/*",),
            ),
        ),
        reads="acm:DescribeCertificate acm:ListTagsForCertificate",
        source="acm/certificate.go",
    ),
    "aws:acm/certificateValidation:CertificateValidation": Rights(
        group="edge", writes=(), reads="acm:DescribeCertificate", source="acm/certificate_validation.go"
    ),
    "aws:route53/record:Record": Rights(
        group="edge",
        writes=(
            Grant(service="route53", actions="ChangeResourceRecordSets", on=("arn:aws:route53:::hostedzone/{zone}",)),
        ),
        reads="route53:GetHostedZone route53:ListResourceRecordSets route53:GetChange",
        source="route53/record.go",
    ),
    "aws:wafv2/webAcl:WebAcl": Rights(
        group="edge",
        writes=(
            Grant(
                service="wafv2",
                actions="CreateWebACL DeleteWebACL UpdateWebACL TagResource UntagResource",
                on=(*_WEB_ACLS, "arn:aws:wafv2:{region}:*:regional/managedruleset/*"),
            ),
        ),
        reads="wafv2:GetWebACL wafv2:ListTagsForResource",
        source="wafv2/web_acl.go",
    ),
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": Rights(
        group="edge",
        writes=(
            Grant(service="wafv2", actions="PutLoggingConfiguration DeleteLoggingConfiguration", on=_WEB_ACLS),
            _DELIVERY,
        ),
        reads="wafv2:GetLoggingConfiguration",
        source="wafv2/web_acl_logging_configuration.go",
    ),
    # --- Logs, traces, events ------------------------------------------------------------------------------------
    "aws:cloudwatch/logGroup:LogGroup": Rights(
        group="telemetry",
        writes=(
            Grant(
                service="logs",
                actions="CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy TagResource "
                "UntagResource",
                on=_LOGS,
            ),
        ),
        reads="logs:DescribeLogGroups logs:ListTagsForResource",
        source="logs/group.go",
    ),
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": Rights(
        group="telemetry",
        writes=(Grant(service="logs", actions="PutResourcePolicy DeleteResourcePolicy"),),
        reads="logs:DescribeResourcePolicies",
        source="logs/resource_policy.go",
    ),
    "aws:xray/traceSegmentDestination:TraceSegmentDestination": Rights(
        group="telemetry",
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Transaction-Search-getting-started.html
        writes=(
            Grant(service="xray", actions="UpdateTraceSegmentDestination UpdateIndexingRule"),
            Grant(service="application-signals", actions="StartDiscovery"),
            Grant(
                service="cloudtrail",
                actions="CreateServiceLinkedChannel",
                on=("arn:aws:cloudtrail:*:{account}:channel/aws-service-channel/application-signals/*",),
            ),
        ),
        reads="xray:GetTraceSegmentDestination xray:GetIndexingRules",
        source="xray/trace_segment_destination.go",
    ),
    "aws:sqs/queue:Queue": Rights(
        group="telemetry",
        writes=(
            Grant(
                service="sqs",
                actions="CreateQueue DeleteQueue SetQueueAttributes TagQueue UntagQueue",
                on=("arn:aws:sqs:{region}:{account}:*",),
            ),
        ),
        reads="sqs:GetQueueAttributes sqs:GetQueueUrl sqs:ListQueueTags",
        source="sqs/queue.go",
    ),
    "aws:sqs/queuePolicy:QueuePolicy": Rights(
        group="telemetry",
        writes=(Grant(service="sqs", actions="SetQueueAttributes", on=("arn:aws:sqs:{region}:{account}:*",)),),
        reads="sqs:GetQueueAttributes",
        source="sqs/queue_policy.go",
    ),
    "aws:cloudwatch/eventRule:EventRule": Rights(
        group="telemetry",
        writes=(
            Grant(
                service="events",
                actions="PutRule DeleteRule TagResource UntagResource",
                on=("arn:aws:events:{region}:{account}:rule/*",),
            ),
        ),
        reads="events:DescribeRule events:ListTagsForResource",
        source="events/rule.go",
    ),
    "aws:cloudwatch/eventTarget:EventTarget": Rights(
        group="telemetry",
        writes=(
            Grant(
                service="events",
                actions="PutTargets RemoveTargets",
                on=("arn:aws:events:{region}:{account}:rule/*",),
            ),
        ),
        reads="events:ListTargetsByRule",
        source="events/target.go",
    ),
}  # fmt: skip
"""Type of resource -> what it takes."""

PASSED_TO = (
    "ec2.amazonaws.com", "eks.amazonaws.com", "pods.eks.amazonaws.com", "vpc-flow-logs.amazonaws.com",
)  # fmt: skip
"""The services that the stack's roles are for; AWS never asks for a role's tag there
(https://docs.aws.amazon.com/IAM/latest/UserGuide/access_iam-tags.html)."""

LINKED = (
    "application-signals.cloudwatch.amazonaws.com", "autoscaling.amazonaws.com", "eks-nodegroup.amazonaws.com",
    "eks.amazonaws.com", "elasticloadbalancing.amazonaws.com", "route53resolver.amazonaws.com",
    "wafv2.amazonaws.com",
)  # fmt: skip

# Inside pulumi-eks' component: nodejs/eks/cluster/cluster.ts (`${name}-eksRole`) and servicerole.ts (`${name}-role`).
HIDDEN_ROLES = ("cluster-eksRole-role",)
HIDDEN_POLICIES = ("arn:aws:iam::aws:policy/AmazonEKSClusterPolicy",)

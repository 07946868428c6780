"""What the AWS Load Balancer Controller's own IAM policy grants, statement by statement.

Source: https://github.com/kubernetes-sigs/aws-load-balancer-controller, docs/install/iam_policy.json at v3.5.0, which
is also that of the main branch on 2026-08-18; its last change is of 2025-03-25. That of v3.6.0, the pinned chart's, was
not to be had: compare it when it is (`git diff v3.5.0 v3.6.0 -- docs/install/iam_policy.json`).
"""

from __future__ import annotations

from dataclasses import dataclass

VERSION = "v3.5.0"

Condition = tuple[tuple[str, str, str], ...]
"""(operator, key, value)."""

CLUSTER = "elbv2.k8s.aws/cluster"
ASKED = f"aws:RequestTag/{CLUSTER}"
THERE = f"aws:ResourceTag/{CLUSTER}"
LB = "arn:aws:elasticloadbalancing:*:*:"
GROUPS = ("arn:aws:ec2:*:*:security-group/*",)
BALANCERS = (f"{LB}loadbalancer/net/*/*", f"{LB}loadbalancer/app/*/*")
TARGETS = (f"{LB}targetgroup/*/*",)
LISTENERS = tuple(f"{LB}{kind}/{of}/*/*/*" for kind in ("listener", "listener-rule") for of in ("net", "app"))
ANY = ("*",)


@dataclass(frozen=True, kw_only=True)
class Statement:
    """deviation: why ours is narrower; empty where it grants the same, region aside."""

    actions: tuple[str, ...]
    resources: tuple[str, ...] = ANY
    condition: Condition = ()
    deviation: str = ""


def of(service: str, names: str) -> tuple[str, ...]:
    return tuple(f"{service}:{name}" for name in names.split())


_OURS_ONLY = "upstream takes any cluster's tag, ours this cluster's only"
_TAGGED = "upstream asks for no tag; what the controller makes carries this cluster's"

STATEMENTS: tuple[Statement, ...] = (
    Statement(
        actions=of("iam", "CreateServiceLinkedRole"),
        condition=(("StringEquals", "iam:AWSServiceName", "elasticloadbalancing.amazonaws.com"),),
        deviation="the one role of this service instead of any resource",
    ),
    Statement(
        actions=(
            *of(
                "ec2",
                "DescribeAccountAttributes DescribeAddresses DescribeAvailabilityZones DescribeInternetGateways "
                "DescribeVpcs DescribeVpcPeeringConnections DescribeSubnets DescribeSecurityGroups DescribeInstances "
                "DescribeNetworkInterfaces DescribeTags GetCoipPoolUsage DescribeCoipPools GetSecurityGroupsForVpc "
                "DescribeIpamPools DescribeRouteTables",
            ),
            *of(
                "elasticloadbalancing",
                "DescribeLoadBalancers DescribeLoadBalancerAttributes DescribeListeners DescribeListenerCertificates "
                "DescribeSSLPolicies DescribeRules DescribeTargetGroups DescribeTargetGroupAttributes "
                "DescribeTargetHealth DescribeTags DescribeTrustStores DescribeListenerAttributes "
                "DescribeCapacityReservation",
            ),
        ),
        deviation="in the stack's region only",
    ),
    Statement(
        actions=(
            *of("cognito-idp", "DescribeUserPoolClient"),
            *of("acm", "ListCertificates DescribeCertificate"),
            *of("iam", "ListServerCertificates GetServerCertificate"),
            *of("waf-regional", "GetWebACL GetWebACLForResource AssociateWebACL DisassociateWebACL"),
            *of("wafv2", "GetWebACL GetWebACLForResource AssociateWebACL DisassociateWebACL"),
            *of("shield", "GetSubscriptionState DescribeProtection CreateProtection DeleteProtection"),
        ),
        deviation="in the stack's region only",
    ),
    Statement(
        actions=of("ec2", "AuthorizeSecurityGroupIngress RevokeSecurityGroupIngress"),
        deviation="the cluster's own group, which EKS tags, and the controller's instead of every group",
    ),
    Statement(
        actions=of("ec2", "CreateSecurityGroup"),
        deviation="only with this cluster's tag, which the controller puts on every group that it makes",
    ),
    Statement(
        actions=of("ec2", "CreateTags"),
        resources=GROUPS,
        condition=(("StringEquals", "ec2:CreateAction", "CreateSecurityGroup"), ("Null", ASKED, "false")),
        deviation=_OURS_ONLY,
    ),
    Statement(
        actions=of("ec2", "CreateTags DeleteTags"),
        resources=GROUPS,
        condition=(("Null", ASKED, "true"), ("Null", THERE, "false")),
        deviation=_OURS_ONLY,
    ),
    Statement(
        actions=of("ec2", "AuthorizeSecurityGroupIngress RevokeSecurityGroupIngress DeleteSecurityGroup"),
        condition=(("Null", THERE, "false"),),
        deviation=_OURS_ONLY,
    ),
    Statement(
        actions=of("elasticloadbalancing", "CreateLoadBalancer CreateTargetGroup"),
        condition=(("Null", ASKED, "false"),),
        deviation=_OURS_ONLY,
    ),
    Statement(
        actions=of("elasticloadbalancing", "CreateListener DeleteListener CreateRule DeleteRule"),
        deviation=_TAGGED,
    ),
    Statement(
        actions=of("elasticloadbalancing", "AddTags RemoveTags"),
        resources=(*TARGETS, *BALANCERS),
        condition=(("Null", ASKED, "true"), ("Null", THERE, "false")),
        deviation=_OURS_ONLY,
    ),
    Statement(
        actions=of("elasticloadbalancing", "AddTags RemoveTags"),
        resources=LISTENERS,
        deviation="on creation with this cluster's tag, later without touching it; upstream asks for nothing",
    ),
    Statement(
        actions=of(
            "elasticloadbalancing",
            "ModifyLoadBalancerAttributes SetIpAddressType SetSecurityGroups SetSubnets DeleteLoadBalancer "
            "ModifyTargetGroup ModifyTargetGroupAttributes DeleteTargetGroup ModifyListenerAttributes "
            "ModifyCapacityReservation ModifyIpPools",
        ),
        condition=(("Null", THERE, "false"),),
        deviation=_OURS_ONLY,
    ),
    Statement(
        actions=of("elasticloadbalancing", "AddTags"),
        resources=(*TARGETS, *BALANCERS),
        condition=(
            ("StringEquals", "elasticloadbalancing:CreateAction", "CreateTargetGroup CreateLoadBalancer"),
            ("Null", ASKED, "false"),
        ),
        deviation=_OURS_ONLY,
    ),
    Statement(
        actions=of("elasticloadbalancing", "RegisterTargets DeregisterTargets"),
        resources=TARGETS,
        deviation=_TAGGED,
    ),
    Statement(
        actions=of(
            "elasticloadbalancing",
            "SetWebAcl ModifyListener AddListenerCertificates RemoveListenerCertificates ModifyRule SetRulePriorities",
        ),
        deviation=_TAGGED,
    ),
)

_CLASSIC = "WAF Classic: the controller's value enableWaf is false"
_SHIELD = "Shield Advanced: the controller's value enableShield is false"
_FOUND = "certificate discovery: every listener of ours names its certificate"
_UNUSED = "v3.5 itself calls it nowhere (pkg, controllers)"
_OUTPOSTS = "address pools of Outposts and IPAM: no annotation of ours names one"
_RESERVED = "capacity reservations: no annotation of ours asks for one"

LEFT_OUT: dict[str, str] = {
    "ec2:DescribeVpcPeeringConnections": _UNUSED,
    "ec2:GetCoipPoolUsage": _OUTPOSTS,
    "ec2:DescribeCoipPools": _OUTPOSTS,
    "ec2:DescribeIpamPools": _OUTPOSTS,
    "elasticloadbalancing:ModifyIpPools": _OUTPOSTS,
    "elasticloadbalancing:DescribeTrustStores": "mutual TLS at the ALB: no annotation of ours names a trust store",
    "elasticloadbalancing:ModifyCapacityReservation": _RESERVED,
    "cognito-idp:DescribeUserPoolClient": "Cognito at the ALB: users' tokens are the sidecars' concern",
    "acm:ListCertificates": _FOUND,
    "acm:DescribeCertificate": _FOUND,
    "iam:ListServerCertificates": _FOUND,
    "iam:GetServerCertificate": _FOUND,
    **{f"waf-regional:{name}WebACL": _CLASSIC for name in ("Get", "Associate", "Disassociate")},
    "waf-regional:GetWebACLForResource": _CLASSIC,
    "shield:GetSubscriptionState": _SHIELD,
    **{f"shield:{name}Protection": _SHIELD for name in ("Describe", "Create", "Delete")},
}
"""Actions that upstream grants and ours does not, each with its reason."""

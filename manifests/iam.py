"""IAM documents: who may assume a role, and the least it may then do.

An account id or an ARN that AWS hands out later may be passed as an Output: it is placed as a leaf and never looked
at (hence `Any`). ARNs are of the standard AWS partition, as everywhere in this program.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from configuration.leaving.aws_identity import AwsStatement

Policy = dict[str, Any]
"""An IAM policy document, ready to be written as JSON."""

_VERSION = "2012-10-17"

# The tag by which the load balancer controller marks everything that it makes as this cluster's.
_CONTROLLER_TAG = "elbv2.k8s.aws/cluster"

NODE_POLICIES: dict[str, str] = {
    # nodeadm (AL2023) asks EC2 for the instance's DNS name, so the Minimal variant (Auto Mode's) is not enough.
    "worker": "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",
    "images": "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
}
"""What a node may do. Not AmazonEKS_CNI_Policy: `aws-node` has that by Pod Identity, so that a process that reaches
the node's own credentials cannot rewire network interfaces."""

CNI_POLICY = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"


def service_trust(service: str, *, account_id: Any = None) -> Policy:
    """Lets an AWS service (e.g. `ec2.amazonaws.com`) assume the role, on behalf of one account only if given."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    if account_id is not None:
        statement["Condition"] = {"StringEquals": {"aws:SourceAccount": account_id}}
    return policy(statement)


def pod_identity_trust(*, cluster_name: Any, namespace: str, service_account: str) -> Policy:
    """Lets the pods of one service account of one cluster assume the role, by EKS Pod Identity.

    The conditions compare the session tags that EKS sets itself
    (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html): without them, whoever may create an
    association could hand the role to any pod.
    """
    return policy(
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {
                    "aws:RequestTag/eks-cluster-name": cluster_name,
                    "aws:RequestTag/kubernetes-namespace": namespace,
                    "aws:RequestTag/kubernetes-service-account": service_account,
                }
            },
        }
    )


def flow_log_delivery(log_group_arn: Any) -> Policy:
    """What VPC flow logs need for one log group. log_group_arn: with the trailing `:*`."""
    return policy(
        allow(["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"], log_group_arn),
        # Has no resource level: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
        allow(["logs:DescribeLogGroups"], "*"),
    )


def trace_writer() -> Policy:
    """What the collector needs: to hand traces to X-Ray. X-Ray's write actions know no resources."""
    return policy(allow(["xray:PutTraceSegments", "xray:PutSpans", "xray:PutSpansForIndexing"], "*"))


def spans_log_policy(*, region: str, account_id: Any) -> Policy:
    """The Logs resource policy of Transaction Search: X-Ray may write this account's spans to CloudWatch Logs.

    The account stands in the condition alone: as a leaf it may be an Output, which cannot be joined into an ARN here,
    and a policy of this account's Logs reaches no other account's groups anyway.
    """
    return policy(
        {
            "Sid": "TransactionSearchXRayAccess",
            "Effect": "Allow",
            "Principal": {"Service": "xray.amazonaws.com"},
            "Action": "logs:PutLogEvents",
            "Resource": [
                f"arn:aws:logs:{region}:*:log-group:aws/spans:*",
                f"arn:aws:logs:{region}:*:log-group:/aws/application-signals/data:*",
            ],
            "Condition": {
                "ArnLike": {"aws:SourceArn": f"arn:aws:xray:{region}:*:*"},
                "StringEquals": {"aws:SourceAccount": account_id},
            },
        }
    )


def container_log_writer(*, region: str, cluster_name: str) -> Policy:
    """What the CloudWatch add-on needs: to write this cluster's log groups and metrics, and to name its nodes.

    Narrower than AmazonCloudWatchAgentServerPolicy, which opens every log group of the account.
    """
    groups = f"arn:aws:logs:{region}:*:log-group:/aws/containerinsights/{cluster_name}/*"
    return policy(
        allow(
            [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
                "logs:PutRetentionPolicy",
            ],
            groups,
        ),
        allow(["logs:DescribeLogGroups"], "*"),
        allow(["ec2:DescribeInstances", "ec2:DescribeTags", "ec2:DescribeVolumes"], "*"),
        allow(
            ["cloudwatch:PutMetricData"],
            "*",
            {"StringLike": {"cloudwatch:namespace": ["ContainerInsights", "ContainerInsights/*", "CWAgent"]}},
        ),
    )


def application_policy(
    statements: tuple[AwsStatement, ...], *, secrets: Sequence[str] = (), region: str = ""
) -> Policy:
    """What an application may do, as the settings say it, and to read its secrets of that region by their names.

    Secrets Manager ends each ARN in six characters of its own, hence the question marks; a secret of another account
    may be named the same. What the provider asks for:
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/ascp-pod-identity-integration.html
    """
    return policy(
        *(allow(list(statement.actions), list(statement.resources)) for statement in statements),
        *(
            (
                allow(
                    ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
                    [f"arn:aws:secretsmanager:{region}:*:secret:{name}-??????" for name in secrets],
                    {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}},
                ),
            )
            if secrets
            else ()
        ),
    )


def load_balancer_controller(*, region: str, cluster_name: str) -> Policy:
    """What the AWS Load Balancer Controller (v3) needs for the ALB Ingress and the NLB Service of one cluster.

    Source: the controller's own policy (docs/install/iam_policy.json), with which a test compares it statement by
    statement. Narrower in two ways: where that one asks for *a* cluster's tag this one asks for this cluster's, on
    creation and on change; and what this program never uses is left out (Cognito, Shield, WAF Classic, certificate
    discovery, outposts, address pools, mutual TLS, Global Accelerator).
    """
    requested = {"StringEquals": {f"aws:RequestTag/{_CONTROLLER_TAG}": cluster_name}}
    tagged = {"StringEquals": {f"aws:ResourceTag/{_CONTROLLER_TAG}": cluster_name}}
    return policy(
        allow(
            ["iam:CreateServiceLinkedRole"],
            "arn:aws:iam::*:role/aws-service-role/elasticloadbalancing.amazonaws.com/*",
            {"StringEquals": {"iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"}},
        ),
        allow(_CONTROLLER_READS, "*", {"StringEquals": {"aws:RequestedRegion": region}}),
        *_controller_security_groups(region, cluster_name, requested, tagged),
        *_controller_load_balancers(region, requested, tagged),
        allow(
            ["wafv2:AssociateWebACL", "wafv2:DisassociateWebACL", "elasticloadbalancing:SetWebAcl"],
            "*",
            {"StringEquals": {"aws:RequestedRegion": region}},
        ),
    )


# List and describe actions know no resources.
_CONTROLLER_READS = [
    "ec2:DescribeAccountAttributes",
    "ec2:DescribeAddresses",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeInstances",
    "ec2:DescribeInternetGateways",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeTags",
    "ec2:DescribeVpcs",
    "ec2:GetSecurityGroupsForVpc",
    "elasticloadbalancing:DescribeCapacityReservation",
    "elasticloadbalancing:DescribeListenerAttributes",
    "elasticloadbalancing:DescribeListenerCertificates",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeLoadBalancerAttributes",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeSSLPolicies",
    "elasticloadbalancing:DescribeTags",
    "elasticloadbalancing:DescribeTargetGroupAttributes",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
    "wafv2:GetWebACL",
    "wafv2:GetWebACLForResource",
]


def _controller_security_groups(
    region: str, cluster_name: str, requested: dict[str, Any], tagged: dict[str, Any]
) -> tuple[dict[str, Any], ...]:
    groups = f"arn:aws:ec2:{region}:*:security-group/*"
    rules = ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"]
    return (
        # Creating a group touches the VPC too, which carries no such tag.
        allow(["ec2:CreateSecurityGroup"], f"arn:aws:ec2:{region}:*:vpc/*"),
        allow(["ec2:CreateSecurityGroup"], groups, requested),
        allow(
            ["ec2:CreateTags"],
            groups,
            {"StringEquals": {"ec2:CreateAction": "CreateSecurityGroup", **requested["StringEquals"]}},
        ),
        # Later changes of tags, but never of the cluster's own.
        allow(
            ["ec2:CreateTags", "ec2:DeleteTags"],
            groups,
            {**tagged, "Null": {f"aws:RequestTag/{_CONTROLLER_TAG}": "true"}},
        ),
        allow([*rules, "ec2:DeleteSecurityGroup"], groups, tagged),
        # The nodes' group, which EKS made and tagged: the controller opens the target ports to its backend group.
        allow(
            rules,
            groups,
            {"StringEquals": {f"aws:ResourceTag/kubernetes.io/cluster/{cluster_name}": ["owned", "shared"]}},
        ),
    )


def _controller_load_balancers(
    region: str, requested: dict[str, Any], tagged: dict[str, Any]
) -> tuple[dict[str, Any], ...]:
    prefix = f"arn:aws:elasticloadbalancing:{region}:*"
    balancers = [f"{prefix}:loadbalancer/app/*", f"{prefix}:loadbalancer/net/*"]
    listeners = [f"{prefix}:listener/app/*", f"{prefix}:listener/net/*"]
    rules = [f"{prefix}:listener-rule/app/*", f"{prefix}:listener-rule/net/*"]
    targets = [f"{prefix}:targetgroup/*"]
    return (
        allow(
            ["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"],
            [*balancers, *targets],
            requested,
        ),
        allow(["elasticloadbalancing:CreateListener"], balancers, tagged),
        # It tags these as well (its feature gate ListenerRulesTagging, on by default).
        allow(
            [
                "elasticloadbalancing:AddListenerCertificates",
                "elasticloadbalancing:CreateRule",
                "elasticloadbalancing:DeleteListener",
                "elasticloadbalancing:DeleteRule",
                "elasticloadbalancing:ModifyListener",
                "elasticloadbalancing:ModifyListenerAttributes",
                "elasticloadbalancing:ModifyRule",
                "elasticloadbalancing:RemoveListenerCertificates",
                "elasticloadbalancing:SetRulePriorities",
            ],
            [*listeners, *rules],
            tagged,
        ),
        allow(
            ["elasticloadbalancing:AddTags"],
            [*balancers, *targets, *listeners, *rules],
            {
                "StringEquals": {
                    "elasticloadbalancing:CreateAction": [
                        "CreateListener",
                        "CreateLoadBalancer",
                        "CreateRule",
                        "CreateTargetGroup",
                    ],
                    **requested["StringEquals"],
                }
            },
        ),
        allow(
            ["elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"],
            [*balancers, *targets, *listeners, *rules],
            {**tagged, "Null": {f"aws:RequestTag/{_CONTROLLER_TAG}": "true"}},
        ),
        allow(["elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets"], targets, tagged),
        allow(
            [
                "elasticloadbalancing:DeleteLoadBalancer",
                "elasticloadbalancing:DeleteTargetGroup",
                "elasticloadbalancing:ModifyLoadBalancerAttributes",
                "elasticloadbalancing:ModifyTargetGroup",
                "elasticloadbalancing:ModifyTargetGroupAttributes",
                "elasticloadbalancing:SetIpAddressType",
                "elasticloadbalancing:SetSecurityGroups",
                "elasticloadbalancing:SetSubnets",
            ],
            [*balancers, *targets],
            tagged,
        ),
    )


def policy(*statements: dict[str, Any]) -> Policy:
    return {"Version": _VERSION, "Statement": list(statements)}


def allow(actions: list[str], resource: Any, condition: dict[str, Any] | None = None) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": sorted(actions), "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement

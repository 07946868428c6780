"""What Karpenter may do in the account, and who may write into its queue.

Source of both: https://karpenter.sh/v1.14/reference/cloudformation/, with which a test compares them statement by
statement. Narrower in two ways: the program makes the instance profile itself, so that the controller makes and changes
nothing in IAM; and of the account's events only those of the program's own rules come into the queue.
"""

from __future__ import annotations

from typing import Any

from manifests.iam import Policy, allow, policy

NODE_POOL_TAG = "karpenter.sh/nodepool"

_MADE = ("fleet", "instance", "volume", "network-interface", "launch-template", "spot-instances-request")


def karpenter_controller(*, region: str, cluster_name: str, node_role_arn: Any, queue_arn: Any) -> Policy:
    """node_role_arn: of the role that its nodes run with; queue_arn: of its interruptions. Both may be Outputs."""
    ec2 = f"arn:aws:ec2:{region}"
    owned, pool = f"kubernetes.io/cluster/{cluster_name}", NODE_POOL_TAG
    here = {"StringEquals": {"aws:RequestedRegion": region}}
    asked = {
        "StringEquals": {f"aws:RequestTag/{owned}": "owned", "aws:RequestTag/eks:eks-cluster-name": cluster_name},
        "StringLike": {f"aws:RequestTag/{pool}": "*"},
    }
    there = {
        "StringEquals": {f"aws:ResourceTag/{owned}": "owned"},
        "StringLike": {f"aws:ResourceTag/{pool}": "*"},
    }
    made = [f"{ec2}:*:{kind}/*" for kind in _MADE]
    return policy(
        # What a node is made of but is not made with it.
        allow(
            ["ec2:CreateFleet", "ec2:RunInstances"],
            [f"{ec2}::image/*", f"{ec2}::snapshot/*", f"{ec2}:*:security-group/*", f"{ec2}:*:subnet/*"],
        ),
        allow(["ec2:CreateFleet", "ec2:RunInstances"], f"{ec2}:*:launch-template/*", there),
        allow(["ec2:CreateFleet", "ec2:CreateLaunchTemplate", "ec2:RunInstances"], made, asked),
        allow(
            ["ec2:CreateTags"],
            made,
            {
                **asked,
                "StringEquals": {
                    **asked["StringEquals"],
                    "ec2:CreateAction": ["CreateFleet", "CreateLaunchTemplate", "RunInstances"],
                },
            },
        ),
        allow(
            ["ec2:CreateTags"],
            f"{ec2}:*:instance/*",
            {
                **there,
                "StringEqualsIfExists": {"aws:RequestTag/eks:eks-cluster-name": cluster_name},
                "ForAllValues:StringEquals": {
                    "aws:TagKeys": ["Name", "eks:eks-cluster-name", "karpenter.sh/nodeclaim"]
                },
            },
        ),
        allow(
            ["ec2:DeleteLaunchTemplate", "ec2:TerminateInstances"],
            [f"{ec2}:*:instance/*", f"{ec2}:*:launch-template/*"],
            there,
        ),
        allow(_READS, "*", here),
        allow(["ssm:GetParameter"], f"arn:aws:ssm:{region}::parameter/aws/service/*"),
        # Its hosts are in three regions only, and it has no resources.
        allow(["pricing:GetProducts"], "*"),
        allow(["eks:DescribeCluster"], f"arn:aws:eks:{region}:*:cluster/{cluster_name}"),
        allow(["iam:PassRole"], node_role_arn, {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}),
        # It looks for profiles of its own making, and finds none.
        allow(["iam:ListInstanceProfiles"], "*"),
        allow(["iam:GetInstanceProfile"], "arn:aws:iam::*:instance-profile/*"),
        allow(["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"], queue_arn),
    )


_READS = [
    "ec2:DescribeCapacityReservations",
    "ec2:DescribeImages",
    "ec2:DescribeInstanceStatus",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstances",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribePlacementGroups",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSpotPriceHistory",
    "ec2:DescribeSubnets",
]

# What EC2 and AWS Health say of an instance before it goes, or when it has gone.
INTERRUPTIONS: dict[str, dict[str, list[str]]] = {
    "scheduled-change": {"source": ["aws.health"], "detail-type": ["AWS Health Event"]},
    "spot-interruption": {"source": ["aws.ec2"], "detail-type": ["EC2 Spot Instance Interruption Warning"]},
    "rebalance": {"source": ["aws.ec2"], "detail-type": ["EC2 Instance Rebalance Recommendation"]},
    "state-change": {"source": ["aws.ec2"], "detail-type": ["EC2 Instance State-change Notification"]},
}
"""Name -> the pattern of an EventBridge rule. Without the one of capacity reservations: no pool here has any."""


def interruption_queue(*, queue_arn: Any, rule_arns: list[Any]) -> Policy:
    """Lets the rules write into the queue, and nobody speak to it without TLS. The ARNs may be Outputs."""
    return policy(
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule_arns}},
        },
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": queue_arn,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    )

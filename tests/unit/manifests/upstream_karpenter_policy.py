"""What Karpenter's own policies grant its controller, statement by statement.

Source: https://github.com/aws/karpenter-provider-aws, website/content/en/v1.14/getting-started/
getting-started-with-karpenter/cloudformation.yaml at v1.14.1, of region eu-west-1 and cluster mesh-dev. The calls of
v1.14.3, the pinned release, are those of v1.14.1 (pkg/aws/sdk.go).
"""

from __future__ import annotations

from tests.unit.manifests.upstream_controller_policy import ANY, Statement, of

MINOR = "1.14"

EC2 = "arn:aws:ec2:eu-west-1:"
OWNED, POOL = "kubernetes.io/cluster/mesh-dev", "karpenter.sh/nodepool"
MADE = tuple(
    f"{EC2}*:{kind}/*"
    for kind in ("fleet", "instance", "volume", "network-interface", "launch-template", "spot-instances-request")
)
ASKED = (
    ("StringEquals", f"aws:RequestTag/{OWNED}", "owned"),
    ("StringEquals", "aws:RequestTag/eks:eks-cluster-name", "mesh-dev"),
    ("StringLike", f"aws:RequestTag/{POOL}", "*"),
)
THERE = (("StringEquals", f"aws:ResourceTag/{OWNED}", "owned"), ("StringLike", f"aws:ResourceTag/{POOL}", "*"))

STATEMENTS: tuple[Statement, ...] = (
    Statement(
        actions=of("ec2", "RunInstances CreateFleet"),
        resources=(
            *(f"{EC2}:{kind}/*" for kind in ("image", "snapshot")),
            *(f"{EC2}*:{kind}/*" for kind in ("security-group", "subnet", "capacity-reservation", "placement-group")),
        ),
        deviation="no capacity reservations, no placement groups: the class of nodes selects none",
    ),
    Statement(actions=of("ec2", "RunInstances CreateFleet"), resources=(f"{EC2}*:launch-template/*",), condition=THERE),
    Statement(actions=of("ec2", "RunInstances CreateFleet CreateLaunchTemplate"), resources=MADE, condition=ASKED),
    Statement(
        actions=of("ec2", "CreateTags"),
        resources=MADE,
        condition=(*ASKED, ("StringEquals", "ec2:CreateAction", "RunInstances CreateFleet CreateLaunchTemplate")),
    ),
    Statement(
        actions=of("ec2", "CreateTags"),
        resources=(f"{EC2}*:instance/*",),
        condition=(
            *THERE,
            ("StringEqualsIfExists", "aws:RequestTag/eks:eks-cluster-name", "mesh-dev"),
            ("ForAllValues:StringEquals", "aws:TagKeys", "Name eks:eks-cluster-name karpenter.sh/nodeclaim"),
        ),
    ),
    Statement(
        actions=of("ec2", "TerminateInstances DeleteLaunchTemplate"),
        resources=(f"{EC2}*:instance/*", f"{EC2}*:launch-template/*"),
        condition=THERE,
    ),
    Statement(
        actions=of("iam", "PassRole"),
        resources=("arn:aws:iam::111122223333:role/nodes",),
        condition=(("StringEquals", "iam:PassedToService", "ec2.amazonaws.com ec2.amazonaws.com.cn"),),
        deviation="the standard partition only",
    ),
    Statement(
        actions=of(
            "iam",
            "CreateInstanceProfile TagInstanceProfile AddRoleToInstanceProfile RemoveRoleFromInstanceProfile "
            "DeleteInstanceProfile",
        ),
    ),
    Statement(actions=of("eks", "DescribeCluster"), resources=("arn:aws:eks:eu-west-1:*:cluster/mesh-dev",)),
    Statement(
        actions=of("sqs", "DeleteMessage GetQueueUrl ReceiveMessage"),
        resources=("arn:aws:sqs:eu-west-1:111122223333:interruptions",),
    ),
    Statement(actions=of("arc-zonal-shift", "GetManagedResource")),
    Statement(
        actions=of(
            "ec2",
            "DescribeCapacityReservations DescribeImages DescribeInstances DescribeInstanceStatus "
            "DescribeInstanceTypeOfferings DescribeInstanceTypes DescribeLaunchTemplates DescribePlacementGroups "
            "DescribeSecurityGroups DescribeSpotPriceHistory DescribeSubnets",
        ),
        condition=(("StringEquals", "aws:RequestedRegion", "eu-west-1"),),
    ),
    Statement(actions=of("ssm", "GetParameter"), resources=("arn:aws:ssm:eu-west-1::parameter/aws/service/*",)),
    Statement(actions=of("pricing", "GetProducts"), resources=ANY),
    Statement(actions=of("iam", "ListInstanceProfiles"), resources=ANY),
    Statement(actions=of("iam", "GetInstanceProfile"), resources=("arn:aws:iam::*:instance-profile/*",)),
)

_PROFILE = "the program makes the one instance profile itself (spec.instanceProfile)"

LEFT_OUT: dict[str, str] = {
    **{
        f"iam:{name}": _PROFILE
        for name in (
            "CreateInstanceProfile",
            "TagInstanceProfile",
            "AddRoleToInstanceProfile",
            "RemoveRoleFromInstanceProfile",
            "DeleteInstanceProfile",
        )
    },
    "arc-zonal-shift:GetManagedResource": "zonal shift: the chart's settings.enableZonalShift is false",
}
"""Actions that upstream grants and ours does not, each with its reason."""

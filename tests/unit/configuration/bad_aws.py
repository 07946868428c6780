"""What the settings once took, and AWS refused in the middle of an `up`; with the limits that AWS documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.unit.configuration.bad_settings import API, API_PATH, UI, UI_PATH, Stack, put

Bad = tuple[Callable[[Stack], None], str, str, str]

_SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
_NODES = "cluster.nodeGroup.instanceTypes"


def existing(**ids: Any) -> Callable[[Stack], None]:
    return put("network", {"existing": {"vpcId": "vpc-0123456789abcdef0", "privateSubnetIds": _SUBNETS, **ids}})


def both(*changes: Callable[[Stack], None]) -> Callable[[Stack], None]:
    def change(tree: Stack) -> None:
        for one in changes:
            one(tree)

    return change


def networks(count: int) -> list[str]:
    return [f"10.{number // 256}.{number % 256}.0/24" for number in range(count)]


BAD_AWS: dict[str, Bad] = {
    "fewer nodes than zones": (
        put("cluster.nodeGroup", {"minSize": 1, "desiredSize": 1, "maxSize": 4}),
        "cluster.nodeGroup.desiredSize",
        "in one of them none would stand",
        "Choose 2 at least",
    ),
    "an AMI of another Kubernetes": (
        put("cluster.nodeGroup.amiRelease", "1.34.9-20260714"),
        "cluster.nodeGroup.amiRelease",
        "of Kubernetes 1.35",
        "1.35.6-20260714",
    ),
    "an AMI's name for its release": (
        put("cluster.nodeGroup.amiRelease", "amazon-eks-node-al2023-x86_64-standard-1.35-v20260714"),
        "cluster.nodeGroup.amiRelease",
        "not a release of EKS's AMI",
        "1.35.6-20260714",
    ),
    "Karpenter's limits without Karpenter": (
        put("cluster.nodeGroup.karpenter", {"cpuLimit": 100}),
        "cluster.nodeGroup.karpenter",
        "would do nothing",
        "nodeGroup.autoscaler",
    ),
    "Karpenter on one node": (
        put("cluster.nodeGroup", {"autoscaler": "karpenter", "minSize": 1, "desiredSize": 3, "maxSize": 6}),
        "cluster.nodeGroup.autoscaler",
        "two nodes of the groups",
        "minSize to 2",
    ),
    "a subnet's id for the VPC": (
        existing(vpcId="subnet-0123456789abcdef0"),
        "network.existing.vpcId",
        "not the id of a vpc",
        "vpc-0123456789abcdef0",
    ),
    "an id of twelve digits": (
        existing(vpcId="vpc-0123456789ab"),
        "network.existing.vpcId",
        "8 or 17",
        "vpc-0123456789abcdef0",
    ),
    "a group's id for a subnet": (
        existing(privateSubnetIds=[*_SUBNETS, "sg-0123456789abcdef0"]),
        "network.existing.privateSubnetIds[2]",
        "not the id of a subnet",
        "subnet-",
    ),
    "a control plane in a zone that the network has not": (
        put("cluster.controlPlaneZones", ["eu-west-1a", "eu-west-1b", "eu-west-1c"]),
        "cluster.controlPlaneZones",
        "no zone of the network",
        "eu-west-1a, eu-west-1b",
    ),
    "a control plane in one zone": (
        put("cluster.controlPlaneZones", ["eu-west-1a"]),
        "cluster.controlPlaneZones",
        "two zones at least",
        "Name two",
    ),
    "zones of the control plane in somebody else's network": (
        both(existing(), put("cluster.controlPlaneZones", ["eu-west-1a", "eu-west-1b"])),
        "cluster.controlPlaneZones",
        "of our own",
        "name the subnets",
    ),
    "41 public networks": (
        put("cluster.publicAccessCidrs", [f"198.51.{number}.0/24" for number in range(41)]),
        "cluster.publicAccessCidrs",
        "40 networks at most",
        "fewer",
    ),
    "the internet in two halves": (
        put("cluster.publicAccessCidrs", ["1.0.0.0/8", "32.0.0.0/3", "64.0.0.0/2"]),
        "cluster.publicAccessCidrs",
        "a quarter of the internet",
        "administer",
    ),
    "half of the internet": (
        put("cluster.publicAccessCidrs", ["0.0.0.0/1"]),
        "cluster.publicAccessCidrs",
        "a quarter of the internet",
        "administer",
    ),
    "a private network as a public one": (
        put("cluster.publicAccessCidrs", ["10.8.0.0/16"]),
        "cluster.publicAccessCidrs[0]",
        "EKS refuses reserved ones",
        "privateAccessCidrs",
    ),
    "51 private networks": (
        put("cluster.privateAccessCidrs", networks(51)),
        "cluster.privateAccessCidrs",
        "takes 60 rules",
        "50 networks",
    ),
    "a runner's group for a VPC that is still to be made": (
        put("cluster.privateAccessSecurityGroups", ["sg-0123456789abcdef0"]),
        "cluster.privateAccessSecurityGroups",
        "has yet to be made",
        "network.existing",
    ),
    "a group that is none": (
        put("cluster.privateAccessSecurityGroups", ["subnet-0123456789abcdef0"]),
        "cluster.privateAccessSecurityGroups[0]",
        "not the id of a sg",
        "sg-0123456789abcdef0",
    ),
    "31 networks before the ALB": (
        put("loadBalancer.allowedCidrs", networks(31)),
        "loadBalancer.allowedCidrs",
        "takes 60 rules",
        "30 networks",
    ),
    "21 instance types": (
        put(_NODES, [f"{family}.{size}" for family in ("m7i", "m6i", "c7i") for size in (
            "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge")]),
        _NODES,
        "20 instance types",
        "fewer",
    ),
    "a misspelt instance type": (put(_NODES, ["m7i.larg"]), f"{_NODES}[0]", "not an EC2 instance type", "m7i.large"),
    "a Mac for a node": (put(_NODES, ["mac2-m2.metal"]), f"{_NODES}[0]", "not an EC2 instance type", "m7i.large"),
    "an instance too small": (put(_NODES, ["t3.small"]), f"{_NODES}[0]", "4 to 11 pods", "medium"),
    "an Arm of another name": (put(_NODES, ["im4gn.large"]), f"{_NODES}[0]", "not x86_64", "architecture"),
    "a certificate that is a role": (
        put("loadBalancer.certificateArn", "arn:aws:iam::111122223333:role/a"),
        "loadBalancer.certificateArn",
        "not an ARN of acm",
        "certificate/",
    ),
    "a certificate without an account": (
        put("loadBalancer.certificateArn", "arn:aws:acm:eu-west-1::certificate/a"),
        "loadBalancer.certificateArn",
        "12-digit account",
        "certificate/",
    ),
    "the log of somebody else's web ACL": (
        put(
            "loadBalancer.waf",
            {"webAclArn": "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/a/1", "logRetentionDays": 7},
        ),
        "loadBalancer.waf.logRetentionDays",
        "keeps its owner's rules and logs",
        "or webAclArn",
    ),
    "a web ACL of CloudFront": (
        put("loadBalancer.waf", {"webAclArn": "arn:aws:wafv2:us-east-1:111122223333:global/webacl/a/1"}),
        "loadBalancer.waf.webAclArn",
        "not an ARN of wafv2",
        "regional/webacl",
    ),
    **{
        f"the bucket {name!r}": (
            put("loadBalancer.accessLogs", {"bucket": name}),
            "loadBalancer.accessLogs.bucket",
            "not the name of a bucket",
            "example-elb-logs",
        )
        for name in ("Logs", "a..b", "10.0.0.1", "xn--logs", "logs-s3alias", "s3://logs", "ab")
    },
    **{
        f"the prefix {prefix!r}": (
            put("loadBalancer.accessLogs", {"bucket": "logs", "prefix": prefix}),
            "loadBalancer.accessLogs.prefix",
            "AWSLogs",
            "mesh/prod",
        )
        for prefix in ("/mesh", "mesh/", "AWSLogs", "a,b=c", "m\u00e9sh")
    },
    "a domain over 64 characters": (
        both(
            put("loadBalancer.domain", f"{'a' * 60}.example.com"),
            put(f"{UI}.hosts", [f"ui.{'a' * 60}.example.com"]),
        ),
        "loadBalancer.domain",
        "over 64 characters",
        "shorter",
    ),
    "a WAF before an NLB": (
        both(
            put("loadBalancer.entries", ["nlb"]), put(f"{UI}.tls", "passthrough"), put("loadBalancer.waf", {})
        ),
        "loadBalancer.waf",
        "No WAF stands before an NLB",
        "alb",
    ),
    "access logs of an NLB": (
        both(
            put("loadBalancer.entries", ["nlb"]),
            put(f"{UI}.tls", "passthrough"),
            put("loadBalancer.accessLogs", {"bucket": "logs"}),
        ),
        "loadBalancer.accessLogs",
        "writes no access log",
        "alb",
    ),
    "tags that differ in case": (put("tags", {"Team": "a", "team": "b"}), "tags.team", "one key", "Keep one"),
    "41 tags": (put("tags", {f"tag-{number}": "x" for number in range(41)}), "tags", "takes 50 tags", "40 at most"),
    "a tag of our own": (put("tags", {"Environment": "x"}), "tags.Environment", "sets this tag itself", "Remove"),
    "every resource named alike": (put("tags", {"Name": "x"}), "tags.Name", "sets this tag itself", "Remove"),
    "a tag of Kubernetes": (
        put("tags", {"kubernetes.io/cluster/other": "owned"}),
        "tags.kubernetes.io/cluster/other",
        "who owns a resource",
        "Rename",
    ),
    "a comma in a tag": (put("tags", {"team": "a,b"}), "tags.team", "letters, numbers", "these characters"),
    "a sign that is none in a tag": (put("tags", {"te*am": "a"}), "tags.te*am", "letters, numbers", "these characters"),
    "a '=' in a tag's key": (put("tags", {"a=b": "c"}), "tags.a=b", "misread", "these characters"),
    "gRPC behind the ALB": (
        put(f"{UI}.protocol", "grpc"),
        f"{UI_PATH}.hosts",
        "only HTTP arrives",
        "passthrough",
    ),
    "bytes behind the ALB": (put(f"{UI}.protocol", "tcp"), f"{UI_PATH}.hosts", "only HTTP arrives", "passthrough"),
    "a GET of gRPC": (
        put(f"{API}.protocol", "grpc"),
        f"{API_PATH}.callers[0].methods",
        "is a POST",
        "/package.Service/Method",
    ),
    "true for a port": (put(f"{API}.port", True), f"{API_PATH}.port", "whole number", "a number"),
    "a number for text": (put(f"{API}.environment", {"PORT": 8080}), f"{API_PATH}.environment.PORT", "text", "quotes"),
    "text for a mapping": (put(f"{API}.resources", "2"), f"{API_PATH}.resources", "a mapping", "docs/settings.md"),
    "text for a list": (put(f"{API}.hosts", "a.example.com"), f"{API_PATH}.hosts", "a list", "docs/settings.md"),
    "an environment in capitals": (put("environment", "Prod"), "environment", "begins with a letter", '"prod"'),
    "an unquoted version that ends in 0": (
        put("mesh.istioVersion", 1.3),
        "mesh.istioVersion",
        "unquoted",
        '"1.30", if not "1.3"',
    ),
    "istiod of one replica as the autoscaler's end alone": (
        put("mesh.pilot", {"maxReplicas": 1}),
        "mesh.pilot.minReplicas",
        "above maxReplicas (1)",
        "Set minReplicas to 1 too",
    ),
}  # fmt: skip

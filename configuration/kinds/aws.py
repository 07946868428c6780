"""Names and ids of AWS: its regions, and the ids and ARNs of what a stack names. Tests hold them to botocore's data."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator

from configuration.problems import rejection

REGIONS: tuple[str, ...] = (
    "af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1",
    "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",
    "ap-southeast-6", "ap-southeast-7", "ca-central-1", "ca-west-1", "eu-central-1", "eu-central-2", "eu-north-1",
    "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1",
    "mx-central-1", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
)  # fmt: skip
"""Those of the partition `aws` that have EKS."""


def _region(value: str) -> str:
    if value not in REGIONS:
        raise rejection(
            "It is no region of AWS's standard partition that has EKS.", f"Choose one of {', '.join(REGIONS)}."
        )
    return value


def _id(prefix: Literal["vpc", "subnet", "sg"], example: str) -> AfterValidator:
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html: 8 or 17 hexadecimal digits.
    form = re.compile(rf"{prefix}-([0-9a-f]{{8}}|[0-9a-f]{{17}})")

    def check(value: str) -> str:
        if not form.fullmatch(value):
            raise rejection(
                f"It is not the id of a {prefix}: {prefix}- and 8 or 17 hexadecimal digits.",
                f'Write it as "{example}".',
            )
        return value

    return AfterValidator(check)


def _arn(service: str, resource: str, example: str) -> AfterValidator:
    form = re.compile(rf"arn:aws:{service}:[a-z0-9-]+:\d{{12}}:{resource}", re.ASCII)

    def check(value: str) -> str:
        if not form.fullmatch(value):
            raise rejection(
                f"It is not an ARN of {service} of that kind, with a 12-digit account.", f"Write {example}."
            )
        return value

    return AfterValidator(check)


def _bucket(value: str) -> str:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    if (
        not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", value, re.ASCII)
        or ".." in value
        or re.fullmatch(r"\d+\.\d+\.\d+\.\d+", value)
        or value.startswith(("xn--", "sthree-", "amzn-s3-demo-"))
        or value.endswith(("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"))
    ):
        raise rejection(
            "It is not the name of a bucket: 3 to 63 of a-z, 0-9, '-' and '.', no address, none of S3's reserved "
            "beginnings and ends.",
            'Write the name alone, as "example-elb-logs".',
        )
    return value


def _log_prefix(value: str) -> str:
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html; ',' and '=' part
    # the attributes in the controller's annotation.
    if value and (
        not re.fullmatch(r"[A-Za-z0-9!_.*'()/-]{1,256}", value, re.ASCII)
        or value.startswith("/")
        or value.endswith("/")
        or "AWSLogs" in value
    ):
        raise rejection(
            "A prefix of access logs has letters, digits and !_.*'()/-, no '/' at either end and no AWSLogs, which ELB "
            "adds itself.",
            'Write it as "mesh/prod".',
        )
    return value


@cache
def instance_types() -> frozenset[str]:
    """Every instance type of EC2, as botocore knows them."""
    families = json.loads((Path(__file__).parent / "instance_types.json").read_text(encoding="utf-8"))
    return frozenset(f"{family}.{size}" for family, sizes in families.items() for size in sizes.split())


def is_arm(instance_type: str) -> bool:
    """Whether a type has one of AWS's Arm processors: `g` after the generation (m7g, c6gn, r8gd), or the first, a1."""
    family = instance_type.partition(".")[0]
    return family == "a1" or bool(re.fullmatch(r"[a-z]+\d+[a-z]*g[a-z]*|.*-gb\d+", family))


def _account_id(value: str) -> str:
    if not re.fullmatch(r"\d{12}", value, re.ASCII):
        raise rejection("It is not the number of an account: 12 digits, in quotes.", 'Write it as "111122223333".')
    return value


def _ami_release(value: str) -> str:
    # https://docs.aws.amazon.com/eks/latest/userguide/eks-linux-ami-versions.html
    if not re.fullmatch(r"1\.\d{2}\.\d{1,2}-20\d{6}", value, re.ASCII):
        raise rejection(
            "It is not a release of EKS's AMI: the full version of Kubernetes and the day of its making.",
            'Write it as "1.35.6-20260714".',
        )
    return value


AmiRelease = Annotated[str, AfterValidator(_ami_release)]
AccountId = Annotated[str, AfterValidator(_account_id)]
Region = Annotated[str, AfterValidator(_region)]
VpcId = Annotated[str, _id("vpc", "vpc-0123456789abcdef0")]
SubnetId = Annotated[str, _id("subnet", "subnet-0123456789abcdef0")]
SecurityGroupId = Annotated[str, _id("sg", "sg-0123456789abcdef0")]
CertificateArn = Annotated[
    str, _arn("acm", r"certificate/[A-Za-z0-9-]+", '"arn:aws:acm:eu-west-1:111122223333:certificate/…"')
]
WebAclArn = Annotated[
    str,
    _arn(
        "wafv2",
        r"regional/webacl/[A-Za-z0-9_-]{1,128}/[A-Za-z0-9-]+",
        '"arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/name/…"',
    ),
]
Bucket = Annotated[str, AfterValidator(_bucket)]
LogPrefix = Annotated[str, AfterValidator(_log_prefix)]

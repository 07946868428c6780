"""Our rules about AWS beside botocore's data: regions, instance types, lengths and patterns of AWS's own models."""

from __future__ import annotations

import functools
import re
from typing import Any

import botocore.session
import pytest

from configuration.kinds.aws import REGIONS, instance_types, is_arm
from configuration.network import _RETENTION_DAYS as RETENTION_DAYS
from configuration.rules import aws as rules_aws
from configuration.values import _EKS_NAME as EKS_NAME


@functools.cache
def session() -> botocore.session.Session:
    return botocore.session.get_session()


@functools.cache
def shape(service: str, name: str) -> Any:
    return session().get_service_model(service).shape_for(name)


def test_every_region_with_eks_is_known_and_no_other() -> None:
    # `pip` brings a new region with botocore: add it to configuration/kinds/aws.py.
    assert list(REGIONS) == session().get_available_regions("eks", partition_name="aws")


def test_every_instance_type_is_known_and_no_other() -> None:
    # Written from the same list; a new botocore brings new types: write configuration/kinds/instance_types.json anew.
    assert instance_types() == frozenset(shape("ec2", "InstanceType").enum)


@pytest.mark.parametrize(
    ("name", "arm"),
    [
        ("m7g.large", True),
        ("c6gn.xlarge", True),
        ("r8gd.metal-24xl", True),
        ("a1.large", True),
        ("t4g.medium", True),
        ("im4gn.large", True),
        ("is4gen.large", True),
        ("g5g.xlarge", True),
        ("g5.xlarge", False),
        ("g4dn.xlarge", False),
        ("gr6.4xlarge", False),
        ("m7i-flex.large", False),
        ("u7i-12tb.224xlarge", False),
        ("p5.48xlarge", False),
    ],
)
def test_an_image_would_not_boot_on_the_other_processor(name: str, arm: bool) -> None:
    # https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html: g after the generation.
    assert name in instance_types()
    assert is_arm(name) is arm


def test_lengths_are_those_of_the_models() -> None:
    name = shape("eks", "CreateClusterRequest").members["name"].metadata
    assert (name["min"], name["max"]) == (1, 100)
    assert EKS_NAME.fullmatch("a" * name["max"])
    assert not EKS_NAME.fullmatch("a" * (name["max"] + 1))
    tag = shape("elbv2", "Tag").members
    assert (tag["Key"].metadata["max"], tag["Value"].metadata["max"]) == (128, 256)
    assert shape("eks", "TagMap").metadata["max"] == 50
    assert rules_aws._TAGS + 10 == 50
    types = shape("eks", "CreateNodegroupRequest").members["instanceTypes"].documentation
    assert f"0-{rules_aws._INSTANCE_TYPES} instance types" in types.replace("<code>", "").replace("</code>", "")


def test_every_retention_is_one_of_cloudwatchs() -> None:
    text = shape("logs", "PutRetentionPolicyRequest").members["retentionInDays"].documentation
    values = re.search(r"Possible values are: ([\d, and]+)\.", text)
    assert values is not None
    assert tuple(map(int, re.findall(r"\d+", values[1]))) == RETENTION_DAYS

"""What the tests of components rest on: everything is recorded, and whatever nobody mocked is refused."""

from __future__ import annotations

import contextlib
from importlib.metadata import version
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
import pytest

from offline.registration import Registration
from offline.values import UNKNOWN, Secret
from tests.unit.components.recording import ProgramFailed, run
from tests.unit.components.strict_engine import NotMocked

VPC = "aws:ec2/vpc:Vpc::vpc"


def test_a_registration_is_recorded_whole(preview: bool) -> None:
    def program() -> dict[str, Any]:
        vpc = aws.ec2.Vpc(
            "vpc", cidr_block="10.0.0.0/16", opts=pulumi.ResourceOptions(provider=aws.Provider("explicit"))
        )
        subnet = aws.ec2.Subnet(
            "subnet",
            vpc_id=vpc.id,
            tags={"hidden": pulumi.Output.secret("x")},
            opts=pulumi.ResourceOptions(
                parent=vpc,
                protect=True,
                deleted_with=vpc,
                delete_before_replace=True,
                ignore_changes=["tags"],
                replace_on_changes=["vpcId"],
                custom_timeouts=pulumi.CustomTimeouts(delete="20m"),
            ),
        )
        return {"ids": [vpc.id, subnet.id], "name": vpc.id.apply(lambda id_: f"of {id_}"), "cidr": vpc.cidr_block}

    recording = run(program, preview=preview)
    assert recording["aws:ec2/subnet:Subnet::subnet"] == Registration(
        urn="aws:ec2/subnet:Subnet::subnet",
        type="aws:ec2/subnet:Subnet",
        name="subnet",
        inputs={"vpcId": UNKNOWN if preview else "vpc-id", "tags": {"hidden": Secret("x")}},
        parent=VPC,
        depends_on=(VPC,),
        property_dependencies={"vpcId": (VPC,)},
        provider="explicit",
        custom=True,
        protect=True,
        deleted_with=VPC,
        delete_before_replace=True,
        ignore_changes=("tags",),
        replace_on_changes=("vpcId",),
        custom_timeouts={"delete": "20m"},
        version=version("pulumi-aws"),
    )
    assert recording[VPC].parent == "", "the stack"
    assert recording.returned == {
        "ids": [UNKNOWN, UNKNOWN] if preview else ["vpc-id", "subnet-id"],
        "name": UNKNOWN if preview else "of vpc-id",
        "cidr": "10.0.0.0/16",
    }


def test_what_a_resource_needs_is_followed_to_the_end() -> None:
    def program() -> None:
        last: list[pulumi.Resource] = []
        for name in "abc":
            last = [kubernetes.core.v1.ConfigMap(name, opts=pulumi.ResourceOptions(depends_on=last))]

    recording = run(program, preview=True)
    assert recording.needs("kubernetes:core/v1:ConfigMap::c") == {
        "kubernetes:core/v1:ConfigMap::a",
        "kubernetes:core/v1:ConfigMap::b",
    }


def test_a_type_that_nobody_mocked_is_refused(preview: bool) -> None:
    with pytest.raises(NotMocked, match=r"resource type aws:sns/topic:Topic \(t\) is not mocked: add it to RESOURCES"):
        run(lambda: {"topic": aws.sns.Topic("t").id}, preview=preview)


def test_a_type_that_a_test_mocks_for_itself_is_not(preview: bool) -> None:
    own = {"aws:sns/topic:Topic": lambda topic: {"id": f"https://sns.example/{topic.name}"}}
    recording = run(lambda: {"topic": aws.sns.Topic("t").id}, preview=preview, resources=own)
    assert recording.returned == {"topic": UNKNOWN if preview else "https://sns.example/t"}


def test_a_function_that_nobody_mocked_is_refused(preview: bool) -> None:
    with pytest.raises(NotMocked, match="function aws:index/getRegion:getRegion is not mocked: add it to CALLS"):
        run(lambda: {"region": aws.get_region_output().region}, preview=preview)


def test_it_stays_refused_though_the_program_goes_on(preview: bool) -> None:
    def program() -> None:
        with contextlib.suppress(Exception):
            aws.get_region()

    with pytest.raises(NotMocked, match="function aws:index/getRegion:getRegion is not mocked"):
        run(program, preview=preview)


def test_reading_what_exists_is_refused(preview: bool) -> None:
    with pytest.raises(NotMocked, match="aws:ec2/vpc:Vpc vpc is read by its id vpc-1: no test foresaw that"):
        run(lambda: {"cidr": aws.ec2.Vpc.get("vpc", "vpc-1").cidr_block}, preview=preview)


def test_one_name_for_two_resources_is_refused() -> None:
    def program() -> None:
        aws.ec2.Vpc("vpc")
        aws.ec2.Vpc("vpc")

    with pytest.raises(AssertionError, match=r"registered twice: .*::vpc"):
        run(program, preview=True)


def test_what_the_program_raises_reaches_the_test() -> None:
    def program() -> None:
        raise ValueError("no such zone")

    with pytest.raises(
        ProgramFailed, match=r"ValueError: no such zone\n(.*\n)*    tests/.*/test_strict_engine.py:\d+ in"
    ):
        run(program, preview=True)

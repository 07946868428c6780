"""The mock runtime itself: what it records, and what it refuses."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
import pytest

from tests.unit.components.mock_engine import UNKNOWN, NotMocked, Registration, Secret, run

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
                ignore_changes=["tags"],
                custom_timeouts=pulumi.CustomTimeouts(delete="20m"),
            ),
        )
        return {"ids": [vpc.id, subnet.id], "cidr": vpc.cidr_block}

    recording = run(program, preview=preview)
    assert recording["aws:ec2/subnet:Subnet::subnet"] == Registration(
        type="aws:ec2/subnet:Subnet",
        name="subnet",
        inputs={"vpcId": UNKNOWN if preview else "vpc-id", "tags": {"hidden": Secret("x")}},
        parent=VPC,
        depends_on=(VPC,),
        property_depends_on={"vpcId": (VPC,)},
        provider="explicit",
        protect=True,
        deleted_with=VPC,
        ignore_changes=("tags",),
        timeouts={"delete": "20m"},
    )
    assert recording.returned == {
        "ids": [UNKNOWN, UNKNOWN] if preview else ["vpc-id", "subnet-id"],
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
    with pytest.raises(NotMocked, match=r"resource type aws:sqs/queue:Queue \(q\) is not mocked"):
        run(lambda: aws.sqs.Queue("q"), preview=preview)


def test_a_function_that_nobody_mocked_is_refused(preview: bool) -> None:
    with pytest.raises(NotMocked, match="function aws:index/getRegion:getRegion is not mocked"):
        run(lambda: aws.get_region_output().region, preview=preview)


def test_one_name_for_two_resources_is_refused() -> None:
    def program() -> None:
        aws.ec2.Vpc("vpc")
        aws.ec2.Vpc("vpc")

    with pytest.raises(Exception, match=r"registered twice: .*::vpc"):
        run(program, preview=True)


def test_what_the_program_raises_reaches_the_test() -> None:
    def program() -> None:
        raise ValueError("no such zone")

    with pytest.raises(ValueError, match="no such zone"):
        run(program, preview=True)

"""The lab's AWS account: what the program registers really exists in it, once, and goes when the program drops it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from lab.aws.account import AccountOutdated, AwsError, MotoAccount
from lab.aws.made import Aws, Made

REGION = "eu-west-1"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def aws(endpoint: str) -> Aws:
    return Aws(endpoint_url=endpoint, region=REGION)


Open = Callable[..., MotoAccount]


@pytest.fixture
def open_account(aws: Aws, tmp_path: Path) -> Open:
    """Opens the account as another run of the lab would; the first time it is empty."""
    aws.hosted_zones.clear()

    def opened(identity: str = "1-100") -> MotoAccount:
        return MotoAccount(aws, tmp_path / "aws.json", identity)

    opened().reset()
    return opened


VPC = ("urn:vpc", "aws:ec2/vpc:Vpc", "vpc", {"cidrBlock": "10.0.0.0/16", "tags": {"Name": "mesh"}})


def subnet(vpc: Made, **changes: Any) -> tuple[str, str, str, dict[str, Any]]:
    inputs = {
        "vpcId": vpc.id,
        "cidrBlock": "10.0.0.0/24",
        "availabilityZone": "eu-west-1a",
        "tags": {"kubernetes.io/role/elb": "1"},
    }
    return ("urn:subnet", "aws:ec2/subnet:Subnet", "public-eu-west-1a", {**inputs, **changes})


def test_a_vpc_and_a_subnet_exist_with_their_tags_and_give_pulumis_outputs(open_account: Open, aws: Aws) -> None:
    account = open_account()
    vpc = account.make(*VPC)
    made = account.make(*subnet(vpc))
    found = aws.client("ec2").describe_subnets(SubnetIds=[made.id])["Subnets"][0]
    assert (found["VpcId"], found["CidrBlock"], found["Tags"]) == (
        vpc.id,
        "10.0.0.0/24",
        [{"Key": "kubernetes.io/role/elb", "Value": "1"}],
    )
    assert set(vpc.outputs) == {
        "arn",
        "ownerId",
        "defaultSecurityGroupId",
        "mainRouteTableId",
        "defaultRouteTableId",
        "tagsAll",
    }
    assert account.types("created") == {"aws:ec2/subnet:Subnet": 1, "aws:ec2/vpc:Vpc": 1}


def test_a_second_run_creates_nothing_twice(open_account: Open, aws: Aws) -> None:
    first = open_account()
    before = [first.make(*VPC), first.make(*subnet(first.make(*VPC)))]
    second = open_account()
    after = [second.make(*VPC), second.make(*subnet(second.make(*VPC)))]
    second.finish()
    assert after == before
    assert set(second.changes.values()) == {"unchanged"}
    named = [{"Name": "tag:Name", "Values": ["mesh"]}]
    assert len(aws.client("ec2").describe_vpcs(Filters=named)["Vpcs"]) == 1


def test_a_change_of_tags_is_made_in_place(open_account: Open, aws: Aws) -> None:
    first = open_account()
    before = first.make(*subnet(first.make(*VPC)))
    second = open_account()
    after = second.make(*subnet(second.make(*VPC), tags={"kubernetes.io/cluster/a": "shared"}))
    assert after.id == before.id
    assert aws.client("ec2").describe_subnets(SubnetIds=[after.id])["Subnets"][0]["Tags"] == [
        {"Key": "kubernetes.io/cluster/a", "Value": "shared"}
    ]
    assert second.changes["urn:subnet"] == "updated"


def test_what_cannot_be_changed_in_place_asks_for_a_new_account(open_account: Open, aws: Aws) -> None:
    open_account().make(*VPC)
    account = open_account()
    with pytest.raises(AccountOutdated, match="urn:vpc"):
        account.make(*VPC[:3], {"cidrBlock": "10.1.0.0/16"})
    account.reset()
    assert account.make(*VPC[:3], {"cidrBlock": "10.1.0.0/16"}).id.startswith("vpc-")


def test_what_the_program_dropped_is_removed(open_account: Open, aws: Aws) -> None:
    trust = '{"Version":"2012-10-17","Statement":[]}'
    role = ("urn:role", "aws:iam/role:Role", "node", {"name": "node", "assumeRolePolicy": trust, "path": "/mesh/"})
    first = open_account()
    first.make(*VPC)
    first.make(*role)
    iam = aws.client("iam")
    assert [found["Path"] for found in iam.list_roles()["Roles"]] == ["/mesh/"]
    second = open_account()
    second.make(*VPC)
    second.finish()
    assert second.changes == {"urn:vpc": "unchanged", "urn:role": "removed"}
    assert iam.list_roles()["Roles"] == []


def test_a_role_that_changes_under_its_attachment_is_not_left_without_it(open_account: Open, aws: Aws) -> None:
    def role(service: str) -> tuple[str, str, str, dict[str, Any]]:
        trust = f'{{"Version":"2012-10-17","Statement":[{{"Principal":{{"Service":"{service}"}}}}]}}'
        return ("urn:role", "aws:iam/role:Role", "node", {"name": "node", "assumeRolePolicy": trust})

    allow = '{"Effect":"Allow","Action":"ec2:DescribeVpcs","Resource":"*"}'
    document = f'{{"Version":"2012-10-17","Statement":[{allow}]}}'
    first = open_account()
    first.make(*role("ec2.amazonaws.com"))
    policy = aws.client("iam").create_policy(PolicyName="read", PolicyDocument=document)["Policy"]
    attachment = {"role": "node", "policyArn": policy["Arn"]}
    first.make("urn:att", "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "a", attachment)
    with pytest.raises(AccountOutdated):
        open_account().make(*role("eks.amazonaws.com"))


def test_records_of_another_process_are_void(open_account: Open) -> None:
    first = open_account()
    before = first.make(*VPC)
    other = open_account("2-200")
    after = other.make(*VPC)
    assert (after.id == before.id, other.changes) == (False, {"urn:vpc": "created"})
    assert (first.emptied, other.emptied) == (False, True), "whoever else remembers the one before has to be told"


def test_a_name_left_to_the_provider_is_made_up_once_and_stays(open_account: Open) -> None:
    role = ("urn:role", "aws:iam/role:Role", "node", {"assumeRolePolicy": '{"Version":"2012-10-17","Statement":[]}'})
    first = open_account().make(*role)
    assert first.outputs["name"].startswith("node-")
    assert open_account().make(*role).outputs["name"] == first.outputs["name"]


def test_a_type_without_a_maker_is_recorded_and_counted(open_account: Open) -> None:
    account = open_account()
    addon = ("urn:addon", "aws:eks/addon:Addon", "vpc-cni", {"addonName": "vpc-cni"})
    made = account.make(*addon, stand_in=lambda: Made(id="made-up", outputs={"arn": "made-up"}))
    assert (made.id, account.types("recorded"), account.types("created")) == (
        "made-up",
        {"aws:eks/addon:Addon": 1},
        {},
    )
    again = open_account()
    again.make(*addon)
    again.finish()
    assert again.types("recorded") == {"aws:eks/addon:Addon": 1}


def test_a_refusal_carries_awss_own_words_and_voids_the_account(open_account: Open) -> None:
    account = open_account()
    vpc = account.make(*VPC)
    with pytest.raises(AwsError, match=r"aws:ec2/subnet:Subnet: CreateSubnet: InvalidSubnet.Range: "):
        account.make(*subnet(vpc, cidrBlock="192.168.0.0/24"))
    again = open_account()
    again.make(*VPC)
    assert again.changes == {"urn:vpc": "created"}


def test_a_missing_input_is_named(open_account: Open) -> None:
    with pytest.raises(AwsError, match="aws:ec2/vpc:Vpc: the program gives no 'cidrBlock'"):
        open_account().make("urn:vpc", "aws:ec2/vpc:Vpc", "vpc", {})


ZONE = "Z0123456789ABCDEFGHIJ"


def certificate(account: MotoAccount) -> Made:
    inputs = {"domainName": "*.example.com", "subjectAlternativeNames": ["example.com"], "validationMethod": "DNS"}
    return account.make("urn:cert", "aws:acm/certificate:Certificate", "certificate", inputs)


def record(account: MotoAccount, option: dict[str, str]) -> Made:
    inputs = {
        "zoneId": ZONE,
        "name": option["resourceRecordName"],
        "type": option["resourceRecordType"],
        "records": [option["resourceRecordValue"]],
        "ttl": 60,
        "allowOverwrite": True,
    }
    return account.make(f"urn:record-{option['domainName']}", "aws:route53/record:Record", "validation", inputs)


def test_a_certificate_is_issued_once_its_validation_record_is_in_the_zone_of_the_settings(
    open_account: Open, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moto.settings.ACM_VALIDATION_WAIT", 0)
    account = open_account()
    account.host_zone(ZONE, "example.com")
    made = certificate(account)
    options = made.outputs["domainValidationOptions"]
    assert [option["domainName"] for option in options] == ["*.example.com", "example.com"]
    for option in options:
        record(account, option)
    validation = {"certificateArn": made.id}
    account.make("urn:val", "aws:acm/certificateValidation:CertificateValidation", "validation", validation)
    described = aws.client("acm").describe_certificate(CertificateArn=made.id)["Certificate"]
    assert described["Status"] == "ISSUED"


def test_a_certificate_without_its_validation_record_is_not_awaited_for_ever(open_account: Open) -> None:
    account = open_account()
    account.host_zone(ZONE, "example.com")
    made = certificate(account)
    with pytest.raises(AwsError, match="no hosted zone has the validation record"):
        account.make("urn:val", "aws:acm/certificateValidation:CertificateValidation", "v", {"certificateArn": made.id})


def test_a_record_in_a_zone_that_nobody_named_is_refused(open_account: Open) -> None:
    inputs = {"zoneId": "ZOTHER", "name": "a.example.com", "type": "A", "records": ["10.0.0.1"]}
    with pytest.raises(AwsError, match="the lab's account has no hosted zone ZOTHER"):
        open_account().make("urn:r", "aws:route53/record:Record", "r", inputs)

"""MP501 and MP502: the hosted zone, and the names that are taken in it."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from meshops.checks.model import Unavailable, Verdict
from meshops.preflight.names import check_records, check_zone
from meshops.preflight.zone import Record, Zone, read_zone, recorded_hosts
from tests.unit.meshops.preflight.preflight_stack import ARN, REGION, settings_of

HOST = "app.test.example.com"


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    ids = itertools.count()
    # moto would make ids up that are none of Route 53's.
    monkeypatch.setattr("moto.route53.models.create_route53_zone_id", lambda **_: f"Z{next(ids):019}")
    with mock_aws():
        yield


@functools.cache
def session() -> boto3.Session:
    return boto3.Session(region_name=REGION)


def client(service: str) -> Any:
    return session().client(service)


def zone(name: str = "test.example.com", *, private: bool = False) -> str:
    vpc = {"VPC": {"VPCRegion": REGION, "VPCId": client("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]}}
    kind = {**vpc, "HostedZoneConfig": {"PrivateZone": True}} if private else {}
    made = client("route53").create_hosted_zone(Name=name, CallerReference=name, **kind)
    return made["HostedZone"]["Id"].rpartition("/")[2]


def record(zone_id: str, name: str, kind: str = "A", **record: Any) -> None:
    change = {"Action": "CREATE", "ResourceRecordSet": {"Name": name, "Type": kind, **record}}
    client("route53").change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": [change]})


def balancer(cluster: str = "mesh-test", stack: str = "istio-ingress/istio-ingressgateway") -> str:
    """The DNS name of an ALB as the controller tags it."""
    vpc = client("ec2").create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        client("ec2").create_subnet(VpcId=vpc, CidrBlock=f"10.8.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"]
        for n, zone in enumerate("ab")
    ]
    tags = {"elbv2.k8s.aws/cluster": cluster, "ingress.k8s.aws/stack": stack}
    made = client("elbv2").create_load_balancer(
        Name=f"k8s-{cluster}",
        Subnets=[subnet["SubnetId"] for subnet in subnets],
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    return made["LoadBalancers"][0]["DNSName"]


def alias(name: str) -> dict[str, Any]:
    target = {"HostedZoneId": "Z32O12XQLNTSW2", "DNSName": f"dualstack.{name}.", "EvaluateTargetHealth": True}
    return {"AliasTarget": target}


def read(zone_id: str, **load_balancer: Any) -> Zone | None:
    settings = settings_of(hostedZoneId=zone_id, **load_balancer)
    return read_zone(settings, client("route53"), client("elbv2"))


def records(zone_id: str, **load_balancer: Any) -> Verdict:
    return check_records(settings_of(hostedZoneId=zone_id, **load_balancer), read(zone_id, **load_balancer))


def judged(zone_id: str, **load_balancer: Any) -> Verdict:
    return check_zone(settings_of(hostedZoneId=zone_id, **load_balancer), read(zone_id, **load_balancer))


def test_up_would_stop_at_a_record_that_somebody_made_by_hand() -> None:
    zone_id = zone()
    record(zone_id, HOST, TTL=60, ResourceRecords=[{"Value": "192.0.2.1"}])
    verdict = records(zone_id)
    assert verdict.status == "fail"
    assert verdict.finding.startswith(f"{HOST}: has a record already")
    assert f"--hosted-zone-id {zone_id}, DELETE A {HOST}" in verdict.remedy
    assert verdict.table is not None
    assert verdict.table.rows == (("in the way", HOST, "A", "192.0.2.1"),)


def test_up_would_stop_at_an_alias_that_is_no_name_beside_a_cname() -> None:
    zone_id = zone()
    record(zone_id, HOST, "CNAME", TTL=60, ResourceRecords=[{"Value": "old.example.net"}])
    assert records(zone_id).status == "fail"


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        ({}, "pass"),
        ({"cluster": "other"}, "fail"),
        ({"stack": "shop/other"}, "fail"),
        ({"stack": "istio-ingress/istio-ingressgateway-nlb"}, "fail"),
    ],
    ids=["this stack's", "another cluster's", "another Ingress'", "a Service's name on an Ingress"],
)
def test_the_next_up_would_be_refused_for_the_records_of_the_last(tags: dict[str, str], status: str) -> None:
    zone_id = zone()
    record(zone_id, HOST, **alias(balancer(**tags)))
    assert records(zone_id).status == status


def test_the_names_of_a_namespace_that_was_rolled_back_are_looked_for_and_those_never_taken_are_not() -> None:
    settings = settings_of()
    (shop,) = settings.namespaces
    for records, hosts in (("always", (HOST,)), ("in-mesh", ())):
        outside = dataclasses.replace(shop, phase="outside", dns_records=records)
        assert recorded_hosts(dataclasses.replace(settings, namespaces=(outside,))) == hosts


def test_records_of_other_kinds_and_names_stand_in_nobodys_way() -> None:
    zone_id = zone()
    record(zone_id, HOST, "TXT", TTL=60, ResourceRecords=[{"Value": '"a"'}])
    record(zone_id, "www.test.example.com", TTL=60, ResourceRecords=[{"Value": "192.0.2.1"}])
    verdict = records(zone_id)
    assert (verdict.status, verdict.finding) == ("pass", "1 hosts, 0 with this stack's record, 1 without any.")


def test_a_zone_that_is_not_there_holds_nothing() -> None:
    verdict = judged("Z0000000000NOTTHERE")
    assert (verdict.status, verdict.finding) == ("fail", "There is no hosted zone Z0000000000NOTTHERE in this account.")
    assert records("Z0000000000NOTTHERE").status == "unknown"


def test_records_would_be_made_below_another_name() -> None:
    verdict = judged(zone("example.org"))
    assert verdict.status == "fail"
    assert "does not hold test.example.com" in verdict.finding
    assert judged(zone("example.com")).status == "pass", "a zone above it holds it too"
    assert judged(zone("est.example.com")).status == "fail", "a name that ends alike is not above it"


@pytest.mark.parametrize(
    ("load_balancer", "status"),
    [
        ({}, "fail"),
        ({"certificateArn": ARN}, "pass"),
        ({"certificateArn": ARN, "scheme": "internet-facing"}, "fail"),
    ],
    ids=["ACM would wait for ever", "a certificate that is there", "names that nobody outside could look up"],
)
def test_a_private_zone_is_for_what_is_inside(load_balancer: dict[str, Any], status: str) -> None:
    verdict = judged(zone(private=True), **load_balancer)
    assert verdict.status == status
    assert "private" in verdict.finding


def test_what_cannot_be_read_would_count_as_passed() -> None:
    gone = Unavailable(reason="AccessDenied", remedy="Allow it.")
    settings = settings_of()
    assert check_zone(settings, gone).status == check_records(settings, gone).status == "unknown"


def test_without_a_zone_the_names_are_somebody_elses() -> None:
    settings = settings_of(hostedZoneId=None, certificateArn=ARN)
    assert check_zone(settings, None).status == check_records(settings, None).status == "pass"
    assert read_zone(settings, None, None) is None


def test_each_record_in_the_way_is_named() -> None:
    there = tuple(Record(name=name, type="A", target="192.0.2.1", ours=False) for name in ("b.example", "a.example"))
    found = Zone(id="Z1", name="example", private=False, vpcs=(), records=there)
    assert check_records(settings_of(), found).finding.startswith("a.example, b.example: has a record already")

"""What leaves the mesh: what the settings take, and what they must agree with elsewhere."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest

from configuration.leaving.aws_identity import _ACTION as ACTION
from configuration.rules.egress import own_subnets
from manifests.address_plan import ZONE_LETTERS, plan_addresses
from tests.unit.configuration.bad_leaving import allows, egress, network
from tests.unit.configuration.bad_settings import put, stack
from tests.unit.configuration.test_botocore import session
from tests.unit.configuration.test_settings import read


@pytest.mark.parametrize("prefix", [16, 18, 21])
def test_a_database_in_the_part_of_the_vpc_that_no_zone_takes_would_be_refused(prefix: int) -> None:
    vpc = IPv4Network(f"10.20.0.0/{prefix}")
    tree = stack()
    put("network.cidr", str(vpc))(tree)
    taken = own_subnets(read(tree))
    every_zone = plan_addresses(vpc, zones=[f"eu-west-1{letter}" for letter in ZONE_LETTERS])
    for zone in every_zone.zones:
        assert any(zone.private.subnet_of(part) for part in taken)
        assert any(zone.public.subnet_of(part) for part in taken)
    free = list(vpc.subnets(prefixlen_diff=3))[7]
    assert not any(free.overlaps(part) for part in taken)
    egress(network(str(free)))(tree)
    (declared,) = read(tree).namespaces[0].applications[0].egress
    assert declared.private_networks == (free,)


@pytest.mark.parametrize(
    "entries",
    [
        [network("10.50.0.0/24"), network("10.50.1.0/24")],
        [network("10.50.0.0/24"), network("10.50.0.0/25", port=5433)],
        # A host on any other address, and the network: the sidecar tells them apart.
        [network("10.50.0.0/24"), {"host": "db.example.net", "port": 5432, "protocol": "TCP"}],
        [network("10.50.0.10/32")],
        [network("192.168.0.0/16")],
        [{"host": "orders.internal.example.com", "networks": ["10.61.0.0/24", "10.62.0.0/24"]}],
        [{"host": "db.example.net", "port": 5432, "protocol": "TCP", "networks": ["10.61.0.0/24"]}],
    ],
)
def test_what_is_narrow_and_told_apart_is_taken(entries: list[dict[str, Any]]) -> None:
    tree = stack()
    egress(*entries)(tree)
    assert len(read(tree).namespaces[0].applications[0].egress) == len(entries)


def test_every_service_of_aws_would_have_actions() -> None:
    names = {session().get_service_model(name).signing_name for name in session().get_available_services()}
    assert len(names) > 200
    # IAM's prefixes are these names, in small letters.
    assert [name for name in sorted(names) if not ACTION.fullmatch(f"{name.lower()}:Get*")] == []


def test_an_identity_of_its_own_is_taken() -> None:
    tree = stack()
    allows(["s3:GetObject", "s3:ListBucket"], "arn:aws:s3:::invoices", "arn:aws:s3:::invoices/*")(tree)
    (statement,) = read(tree).namespaces[0].applications[0].aws_policy
    assert (statement.on_everything, statement.wildcards) == (False, ())
    put("namespaces.0.applications.0.awsPolicy.0.resources", ["arn:aws:sqs:eu-west-1:111122223333:orders"])(tree)
    (statement,) = read(tree).namespaces[0].applications[0].aws_policy
    assert statement.resources == ("arn:aws:sqs:eu-west-1:111122223333:orders",)

"""What the node's enforcement takes the ranges of the stack's VPC for."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from lab.cluster.network_policies import aliases
from lab.paths import STACK
from lab.state import NetworkRecord
from meshops.stack_settings import stack_settings
from tests import ROOT

RECORD = NetworkRecord(
    bridge="ztm0",
    address="10.201.0.1",
    network="10.201.0.0/24",
    pods="10.201.64.0/18",
    services="10.201.128.0/17",
)


def _meant(address: str) -> set[str]:
    """The ranges of the VPC that mean an address of the lab's."""
    found = aliases(stack_settings(ROOT, STACK), RECORD)
    return {str(named) for named, meant in found if IPv4Address(address) in meant}


def test_pods_the_node_and_the_api_server_are_in_the_private_subnets() -> None:
    private = {"10.90.0.0/19", "10.90.32.0/19"}
    for address in ("10.201.64.7", RECORD.node, RECORD.address):
        assert _meant(address) == private, address


def test_load_balancers_are_in_the_public_subnets_and_no_pod_is() -> None:
    public = {"10.90.192.0/22", "10.90.196.0/22"}
    for index in (0, 7, 200):
        assert _meant(RECORD.load_balancer(index)) == public, index


def test_nothing_outside_the_labs_own_ranges_is_meant() -> None:
    ours = (IPv4Network(RECORD.network), IPv4Network(RECORD.pods))
    for _, meant in aliases(stack_settings(ROOT, STACK), RECORD):
        assert any(meant.subnet_of(own) for own in ours), meant

"""The allocator, by its properties: whatever the zones, nothing overlaps, moves or gets lost."""

from __future__ import annotations

from ipaddress import IPv4Network, collapse_addresses
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configuration.network import SubnetPair
from manifests.address_plan import AddressPlanError, ZoneSubnets, plan_addresses


@st.composite
def vpcs(draw: st.DrawFn) -> IPv4Network:
    prefix = draw(st.integers(16, 21))
    return IPv4Network(
        (
            int(IPv4Network("10.0.0.0/8").network_address)
            + (draw(st.integers(0, 2**24 - 1)) >> (32 - prefix) << (32 - prefix)),
            prefix,
        )
    )


zone_lists = st.lists(
    st.sampled_from([f"eu-west-1{letter}" for letter in "abcdef"]), min_size=1, max_size=6, unique=True
)


def subnets_of(plan_zones: tuple[ZoneSubnets, ...]) -> list[IPv4Network]:
    return [network for zone in plan_zones for network in (zone.private, zone.public)]


@given(vpcs(), zone_lists)
def test_no_subnet_overlaps_another_and_all_lie_inside_the_vpc(vpc: IPv4Network, zones: list[str]) -> None:
    subnets = subnets_of(plan_addresses(vpc, zones=zones).zones)
    assert all(subnet.subnet_of(vpc) for subnet in subnets)
    assert not [pair for pair in combinations(subnets, 2) if pair[0].overlaps(pair[1])]


@given(vpcs(), zone_lists)
def test_each_private_subnet_is_an_eighth_and_each_public_one_a_sixty_fourth(
    vpc: IPv4Network, zones: list[str]
) -> None:
    for zone in plan_addresses(vpc, zones=zones).zones:
        assert (zone.private.prefixlen, zone.public.prefixlen) == (vpc.prefixlen + 3, vpc.prefixlen + 6)


@given(vpcs(), zone_lists, st.randoms())
def test_neither_the_order_nor_the_number_of_zones_moves_a_subnet(
    vpc: IPv4Network, zones: list[str], random: Random
) -> None:
    whole = {zone.zone: zone for zone in plan_addresses(vpc, zones=zones).zones}
    shuffled = random.sample(zones, len(zones))
    assert {zone.zone: zone for zone in plan_addresses(vpc, zones=shuffled).zones} == whole
    for zone in zones:
        assert plan_addresses(vpc, zones=[zone]).zones == (whole[zone],)


@given(vpcs(), zone_lists)
def test_the_free_and_the_used_addresses_are_exactly_the_vpc(vpc: IPv4Network, zones: list[str]) -> None:
    plan = plan_addresses(vpc, zones=zones)
    used = subnets_of(plan.zones)
    assert list(collapse_addresses([*plan.free, *used])) == [vpc]
    assert plan.free_addresses + sum(subnet.num_addresses for subnet in used) == vpc.num_addresses
    assert plan.free == tuple(collapse_addresses(plan.free))


@given(vpcs(), zone_lists)
def test_the_last_eighth_stays_free(vpc: IPv4Network, zones: list[str]) -> None:
    last = list(vpc.subnets(prefixlen_diff=3))[-1]
    assert any(last.subnet_of(network) for network in plan_addresses(vpc, zones=zones).free)


@given(vpcs(), zone_lists)
def test_the_zones_keep_the_order_of_the_settings(vpc: IPv4Network, zones: list[str]) -> None:
    assert [zone.zone for zone in plan_addresses(vpc, zones=zones).zones] == zones


def test_three_zones_of_a_16_are_laid_out_as_documented() -> None:
    plan = plan_addresses(IPv4Network("10.20.0.0/16"), zones=["eu-west-1a", "eu-west-1b", "eu-west-1c"])
    assert [(zone.zone, str(zone.private), str(zone.public)) for zone in plan.zones] == [
        ("eu-west-1a", "10.20.0.0/19", "10.20.192.0/22"),
        ("eu-west-1b", "10.20.32.0/19", "10.20.196.0/22"),
        ("eu-west-1c", "10.20.64.0/19", "10.20.200.0/22"),
    ]
    assert plan.remainder == (
        "37888 of 65536 addresses are free: "
        "10.20.96.0/19, 10.20.128.0/18, 10.20.204.0/22, 10.20.208.0/20, 10.20.224.0/19."
    )


def test_prescribed_subnets_pass_through() -> None:
    pair = SubnetPair(zone="eu-west-1a", private=IPv4Network("10.9.0.0/25"), public=IPv4Network("10.9.0.128/25"))
    plan = plan_addresses(IPv4Network("10.9.0.0/24"), subnets=[pair])
    assert plan.zones == (ZoneSubnets(zone="eu-west-1a", private=pair.private, public=pair.public),)
    assert (plan.free, plan.remainder) == ((), "0 of 256 addresses are free.")


def prescribed(private: str, public: str) -> list[SubnetPair]:
    return [SubnetPair(zone="eu-west-1a", private=IPv4Network(private), public=IPv4Network(public))]


@pytest.mark.parametrize(
    ("vpc", "zones", "subnets", "message"),
    [
        ("10.0.0.0/15", ["eu-west-1a"], [], "10.0.0.0/15: this layout takes a VPC from /16 to /21"),
        ("10.0.0.0/22", ["eu-west-1a"], [], "10.0.0.0/22: this layout takes a VPC from /16 to /21"),
        ("10.0.0.0/16", ["eu-west-1g"], [], "'eu-west-1g': a zone's name must end in a letter from a to f"),
        ("10.0.0.0/16", [""], [], "'': a zone's name must end in a letter from a to f"),
        ("10.0.0.0/16", ["eu-west-1a", "eu-west-1a"], [], "10.0.0.0/19: it overlaps 10.0.0.0/19"),
        ("10.0.0.0/24", [], prescribed("10.0.1.0/25", "10.0.0.0/27"), "10.0.1.0/25: it lies outside the VPC"),
        ("10.0.0.0/24", [], prescribed("10.0.0.0/25", "10.0.0.0/27"), "10.0.0.0/27: it overlaps 10.0.0.0/25"),
        ("10.0.0.0/16", ["eu-west-1a"], prescribed("10.0.0.0/24", "10.0.1.0/24"), "Both zones and subnets"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    vpc: str, zones: list[str], subnets: list[SubnetPair], message: str
) -> None:
    with pytest.raises(AddressPlanError, match=message.replace("[", r"\[")):
        plan_addresses(IPv4Network(vpc), zones=zones, subnets=subnets)

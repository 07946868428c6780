"""The layout of a VPC's addresses: pure arithmetic, so that adding a zone moves nothing that exists.

A zone's place follows from its letter alone (`eu-west-1c` is always the third), never from which zones are listed or
in what order. Of the VPC's eight equal parts, the first six are the private subnets of the letters a to f, the
seventh holds eight small parts for the public subnets (six used at most), and the eighth stays free.

    VPC /16  ->  private /19 (8,192 addresses), public /22 (1,024)
    VPC /21  ->  private /24 (256 addresses),   public /27 (32, the least that an ALB takes)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses

from configuration.network import SubnetPair

ZONE_LETTERS = "abcdef"
"""Zones that have a place in the plan; no AWS region has more for us."""

_PRIVATE_BITS = 3
_PUBLIC_BITS = 6
_PUBLIC_PART = 6
_LARGEST_VPC, _SMALLEST_VPC = 16, 21


class AddressPlanError(ValueError):
    """The VPC or a zone does not fit this layout; the message names the value, the rule and the way out."""


@dataclass(frozen=True, kw_only=True)
class ZoneSubnets:
    zone: str
    private: IPv4Network
    """Nodes and pods."""
    public: IPv4Network
    """Load balancers and NAT gateways."""


@dataclass(frozen=True, kw_only=True)
class AddressPlan:
    vpc: IPv4Network
    zones: tuple[ZoneSubnets, ...]
    """In the order of the settings; the first one carries a single NAT gateway."""
    free: tuple[IPv4Network, ...]
    """What no subnet takes, in the fewest networks, in order of address."""

    @property
    def free_addresses(self) -> int:
        """How many addresses of the VPC no subnet takes."""
        return sum(network.num_addresses for network in self.free)

    @property
    def remainder(self) -> str:
        """What is left, in a sentence."""
        if not self.free:
            return f"0 of {self.vpc.num_addresses} addresses are free."
        return (
            f"{self.free_addresses} of {self.vpc.num_addresses} addresses are free: {', '.join(map(str, self.free))}."
        )


def plan_addresses(vpc: IPv4Network, *, zones: Sequence[str] = (), subnets: Sequence[SubnetPair] = ()) -> AddressPlan:
    """Lays out a VPC, either by `zones` (names such as eu-west-1a) or by `subnets`, which pass through as they are.

    Raises `AddressPlanError` for a VPC outside /16 to /21 (with `zones`), a zone without a letter from a to f, two
    zones of one letter, or subnets that overlap or lie outside the VPC.
    """
    if zones and subnets:
        raise AddressPlanError("Both zones and subnets are given; the plan follows one of them: leave the other out.")
    if subnets:
        placed = tuple(ZoneSubnets(zone=pair.zone, private=pair.private, public=pair.public) for pair in subnets)
    else:
        placed = tuple(_by_letter(vpc, zone) for zone in zones)
    used = [network for zone in placed for network in (zone.private, zone.public)]
    _check_disjoint(vpc, used)
    return AddressPlan(vpc=vpc, zones=placed, free=_free(vpc, used))


def _by_letter(vpc: IPv4Network, zone: str) -> ZoneSubnets:
    if not _LARGEST_VPC <= vpc.prefixlen <= _SMALLEST_VPC:
        raise AddressPlanError(
            f"{vpc}: this layout takes a VPC from /{_LARGEST_VPC} to /{_SMALLEST_VPC}; choose one, or list `subnets`."
        )
    place = ZONE_LETTERS.find(zone[-1:]) if zone else -1
    if place < 0:
        raise AddressPlanError(f"{zone!r}: a zone's name must end in a letter from a to f; list `subnets` instead.")
    # Computed, not listed: a /16 has 64 parts of the public size, but a place needs no more than its own offset.
    private = _part(vpc, _PRIVATE_BITS, place)
    public = _part(vpc, _PUBLIC_BITS, _PUBLIC_PART * 2 ** (_PUBLIC_BITS - _PRIVATE_BITS) + place)
    return ZoneSubnets(zone=zone, private=private, public=public)


def _part(vpc: IPv4Network, bits: int, index: int) -> IPv4Network:
    """The `index`-th of the 2**bits equal parts of a network."""
    size = vpc.num_addresses >> bits
    return IPv4Network((int(vpc.network_address) + index * size, vpc.prefixlen + bits))


def _check_disjoint(vpc: IPv4Network, used: Iterable[IPv4Network]) -> None:
    seen: list[IPv4Network] = []
    for network in used:
        if not network.subnet_of(vpc):
            raise AddressPlanError(f"{network}: it lies outside the VPC {vpc}; move it inside.")
        for other in seen:
            if network.overlaps(other):
                raise AddressPlanError(f"{network}: it overlaps {other}; give every subnet its own range.")
        seen.append(network)


def _free(vpc: IPv4Network, used: Iterable[IPv4Network]) -> tuple[IPv4Network, ...]:
    free = [vpc]
    for network in used:
        free = [
            part
            for whole in free
            for part in (whole.address_exclude(network) if network.subnet_of(whole) else (whole,))
        ]
    return tuple(collapse_addresses(free))

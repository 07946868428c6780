"""Layouts of a VPC to ask the controller about: generated from a seed, so that they are the same for everybody."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from meshops.preflight.aws import Subnet
from meshops.preflight.subnets import Demand

COUNT = 400
CLUSTER = "mesh-lab"
_SEED = 11
_OTHERS = ("neighbour", "mesh-lab-2", "mesh")
_ROLES = {"internet-facing": "kubernetes.io/role/elb", "internal": "kubernetes.io/role/internal-elb"}


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A VPC's subnets and what is asked of them. kind: `application` or `network`; public: ids of routed subnets."""

    demand: Demand
    kind: str
    subnets: tuple[Subnet, ...]
    public: frozenset[str]

    def document(self) -> dict[str, Any]:
        """As main.go reads it."""
        return {
            "cluster": self.demand.cluster,
            "scheme": self.demand.scheme,
            "type": self.kind,
            "subnets": [
                {
                    "id": subnet.id,
                    "zone": subnet.zone,
                    "locale": subnet.locale,
                    "free": subnet.free_addresses,
                    "public": subnet.id in self.public,
                    "tags": dict(subnet.tags),
                }
                for subnet in self.subnets
            ],
        }


def layouts() -> tuple[Layout, ...]:
    """All of them, always the same."""
    chance = random.Random(_SEED)
    return tuple(_layout(chance) for _ in range(COUNT))


def _layout(chance: random.Random) -> Layout:
    kind = chance.choice(("application", "application", "network"))
    scheme = chance.choice(("internet-facing", "internal"))
    demand = Demand(cluster=CLUSTER, scheme=scheme, zones=2 if kind == "application" else 1)
    # Half of the VPCs are as somebody meant them, with a slip or two; in the others anything goes.
    careless = chance.random() < 0.5
    numbers = chance.sample(range(100, 1000), chance.randint(0, 7))
    subnets = tuple(_subnet(chance, number, scheme, careless=careless) for number in numbers)
    return Layout(
        demand=demand,
        kind=kind,
        subnets=subnets,
        public=frozenset(subnet.id for subnet in subnets if chance.random() < 0.4),
    )


def _subnet(chance: random.Random, number: int, scheme: str, *, careless: bool) -> Subnet:
    locale = "availability-zone"
    if chance.random() < (0.15 if careless else 0.04):
        locale = chance.choice(("local-zone", "wavelength-zone", "outpost"))
    zone = (
        f"eu-west-1{chance.choice('abc')}" if locale in ("availability-zone", "outpost") else f"eu-west-1-{locale}-1a"
    )
    free = chance.choice((0, 7, 8, 9)) if chance.random() < (0.3 if careless else 0.1) else chance.randint(20, 250)
    return Subnet(
        id=f"subnet-{number:03x}",
        zone=zone,
        locale=locale,
        cidr="10.90.0.0/24",
        free_addresses=free,
        tags=_tags(chance, scheme, careless=careless),
    )


def _tags(chance: random.Random, scheme: str, *, careless: bool) -> dict[str, str]:
    tags: dict[str, str] = {}
    if chance.random() < (0.6 if careless else 0.9):
        tags[_ROLES[scheme]] = chance.choice(("1", "1", "1", "", "true", "0")) if careless else "1"
    if chance.random() < 0.2:
        tags[_ROLES["internal" if scheme == "internet-facing" else "internet-facing"]] = "1"
    if chance.random() < 0.5:
        tags[f"kubernetes.io/cluster/{CLUSTER}"] = chance.choice(("shared", "owned", ""))
    for other in _OTHERS:
        if chance.random() < (0.25 if careless else 0.15):
            tags[f"kubernetes.io/cluster/{other}"] = chance.choice(("shared", "owned"))
    if careless and chance.random() < 0.2:
        tags["kubernetes.io/cluster-autoscaler/enabled"] = "true"
    return tags

"""MR502: A ServiceEntry names hosts in full, for its own namespace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network

from configuration.kinds.networks import is_private
from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack


@rule(
    "MR502",
    "Egress",
    title="A ServiceEntry names hosts in full, for its own namespace.",
    why="A wildcard, or an entry without resolution that names no private network, lets traffic to any address through "
    "under that name; one that is exported opens it for every namespace.",
    source="https://istio.io/latest/docs/reference/config/networking/service-entry/; docs/adr/0016",
    severity="high",
    remedy="One entry for each host, resolution DNS, exportTo [.]; manifests/application.py makes them.",
    about=("ServiceEntry",),
)
def declared_hosts(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    for host in resource.at("spec", "hosts") or ():
        if "*" in str(host):
            yield Flaw(field="spec.hosts", value=str(host))
    if resource.at("spec", "resolution") in (None, "NONE") and not _private(resource.at("spec", "addresses")):
        yield Flaw(field="spec.resolution", value=shown(resource.at("spec", "resolution")))
    exported = resource.at("spec", "exportTo")
    if list(exported or ()) != ["."]:
        yield Flaw(field="spec.exportTo", value=shown(exported))


def _private(addresses: Sequence[str] | None) -> bool:
    """Whether it names networks, each of them private, as an egress by `cidr` does (docs/adr/0021)."""
    try:
        return bool(addresses) and all(is_private(IPv4Network(address)) for address in addresses or ())
    except ValueError:
        return False

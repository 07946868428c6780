"""Private networks that an application may call: narrow ones, and none in which the platform or AWS itself answers."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated

from pydantic import AfterValidator

from configuration.problems import rejection
from configuration.values import Cidr

PRIVATE_RANGES: tuple[IPv4Network, ...] = tuple(
    map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
)
"""RFC 1918 and RFC 6598."""

# https://docs.aws.amazon.com/eks/latest/APIReference/API_KubernetesNetworkConfigRequest.html: EKS takes one of them.
SERVICE_RANGES: tuple[IPv4Network, ...] = tuple(map(IPv4Network, ("10.100.0.0/16", "172.20.0.0/16")))
"""Where the addresses of Services are, in a cluster that was not told otherwise."""

_WIDEST = 16
_NEVER: tuple[tuple[IPv4Network, str], ...] = (
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
    (IPv4Network("169.254.0.0/16"), "Instance metadata and the node's agents answer here, with credentials."),
    (IPv4Network("127.0.0.0/8"), "This is the pod itself."),
    (IPv4Network("0.0.0.0/8"), "This is the pod itself."),
    (IPv4Network("224.0.0.0/4"), "Multicast is nobody's address, and no sidecar takes it."),
)
_NARROW = "Name the network in which the service stands, as narrow as it is: a database's subnets are a /24 mostly."


def is_private(cidr: IPv4Network) -> bool:
    """RFC 1918 and 6598. Python's own `is_private` takes loopback, link-local, documentation and class E as well."""
    return any(cidr.subnet_of(block) for block in PRIVATE_RANGES)


def _private_network(value: IPv4Network) -> IPv4Network:
    if value.prefixlen < _WIDEST:
        raise rejection(f"It is wider than a /{_WIDEST}: that is a whole company, not a service.", _NARROW)
    for block, rule in _NEVER:
        if value.overlaps(block):
            raise rejection(rule, _NARROW)
    if not is_private(value):
        raise rejection(
            "It is public: of a service on the internet the sidecar is to know the name.", "Declare it by `host`."
        )
    if any(value.overlaps(block) for block in SERVICE_RANGES):
        raise rejection(
            "EKS gives the Services of a cluster addresses of this range: behind them are its own pods.",
            "Name an application of the stack under the `callers` of the other one.",
        )
    return value


PrivateNetwork = Annotated[Cidr, AfterValidator(_private_network)]

"""Where istiod must not go when it fetches an issuer's keys.

Whoever may write a RequestAuthentication makes istiod call an address of his choice, from the platform's own place in
the network: the metadata service, the API server, every private service. istiod resolves the name, then refuses
addresses of these ranges, also after a redirect (istio pilot/pkg/model/jwks_resolver.go, blockedCIDRDialContext).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from ipaddress import IPv4Network

_NOT_PUBLIC_IPV4 = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/3",
)
# Loopback, NAT64 (which leads to IPv4 again), unique local (IMDS has one), link local. An IPv4 address written as an
# IPv6 one is compared as the former.
_NOT_PUBLIC_IPV6 = ("::/127", "64:ff9b::/96", "fc00::/7", "fe80::/10")


def blocked_networks(allowed: Iterable[IPv4Network]) -> tuple[str, ...]:
    """Every range that is not public, less those that the settings allow."""
    blocked = [IPv4Network(text) for text in _NOT_PUBLIC_IPV4]
    for exempt in allowed:
        blocked = [rest for network in blocked for rest in _without(network, exempt)]
    merged = ipaddress.collapse_addresses(blocked)
    return (*map(str, merged), *_NOT_PUBLIC_IPV6)


def _without(network: IPv4Network, exempt: IPv4Network) -> Iterable[IPv4Network]:
    if network.subnet_of(exempt):
        return ()
    return network.address_exclude(exempt) if exempt.subnet_of(network) else (network,)

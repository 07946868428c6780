"""Names outside the mesh that may be called: what is really an address or a service of the cluster is refused."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator

from configuration.problems import rejection
from configuration.values import Host

CLUSTER_SUFFIXES = (".svc.cluster.local", ".cluster.local", ".svc", ".pod")
_LOOPBACK_SUFFIXES = (".localhost", ".localdomain", ".localtest.me", ".lvh.me", ".vcap.me", ".lacolhost.com")
# Answer with whatever address stands in the question.
_ANY_ADDRESS_SUFFIXES = (".nip.io", ".sslip.io", ".xip.io", ".traefik.me", ".backname.io", ".1u.ms", ".rbndr.us")
# The machines of a VPC, and the metadata service under its names.
_MACHINE_SUFFIXES = (".compute.internal", ".ec2.internal", ".in-addr.arpa", ".ip6.arpa")
_METADATA = ("metadata.google.internal",)
_FOUR_NUMBERS = re.compile(r"(?<![0-9])(\d{1,3})[.-](\d{1,3})[.-](\d{1,3})[.-](\d{1,3})(?![0-9])")


def _external_host(value: str) -> str:
    dotted = f".{value}"
    if dotted.endswith(CLUSTER_SUFFIXES):
        raise rejection(
            "A service of the cluster is not external.",
            "Name this application under the `callers` of that one.",
        )
    if value.startswith("localhost.") or dotted.endswith(_LOOPBACK_SUFFIXES):
        raise rejection("This name is the caller's own machine.", "Use the DNS name of the service.")
    if dotted.endswith(_ANY_ADDRESS_SUFFIXES) or _spells_address(value):
        raise rejection(
            "This name spells an address: whoever has the address has the name, private ones included.",
            "Use the DNS name of the service.",
        )
    if dotted.endswith(_MACHINE_SUFFIXES) or value in _METADATA:
        raise rejection("This name is a machine of the network or its metadata service.", "Use the service's own name.")
    return value


def _spells_address(value: str) -> bool:
    return any(_is_address(".".join(found.groups())) for found in _FOUR_NUMBERS.finditer(value))


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


ExternalHost = Annotated[Host, AfterValidator(_external_host)]

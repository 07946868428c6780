"""One bridge of the lab's own, in a private range that nothing else here uses.

Nothing else of the machine's network is touched: no firewall rule, no forwarding, no other interface.
The bridge carries an alias that names its lab, so that only our own is ever removed.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from ipaddress import IPv4Address, IPv4Network, ip_network
from pathlib import Path

from lab.errors import LabError
from lab.state import NetworkRecord, State

BRIDGE_PREFIX = "ztm"
_MOST_BRIDGES = 16
# A /16 of these is divided: the lower half is the bridge's (its upper half for pods), the upper for Services.
_SECOND_OCTETS = range(201, 251)
_CAP_NET_ADMIN = 12


def require_privilege() -> None:
    """Raises LabError unless bridges and namespaces can be made here."""
    capabilities = 0
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("CapEff:"):
            capabilities = int(line.split()[1], 16)
    if os.geteuid() != 0 or not capabilities >> _CAP_NET_ADMIN & 1:
        raise LabError("the lab makes a network bridge and namespaces: run it as root (CAP_NET_ADMIN is missing)")


def choose(state: State) -> NetworkRecord:
    """A free bridge name and a free range; nothing is made yet."""
    bridge = next((name for i in range(_MOST_BRIDGES) if not _exists(name := f"{BRIDGE_PREFIX}{i}")), None)
    if bridge is None:
        raise LabError(f"there are {_MOST_BRIDGES} lab bridges already ({BRIDGE_PREFIX}0 …): take old labs down first")
    taken = _taken()
    for octet in _SECOND_OCTETS:
        whole = IPv4Network(f"10.{octet}.0.0/16")
        if any(whole.overlaps(other) for other in taken):
            continue
        network, services = whole.subnets(prefixlen_diff=1)
        return NetworkRecord(
            bridge=bridge,
            address=str(network.network_address + 1),
            network=str(network),
            pods=str(list(network.subnets(prefixlen_diff=1))[1]),
            services=str(services),
        )
    raise LabError("every range from 10.201.0.0/16 to 10.250.0.0/16 is in use on this machine: free one for the lab")


def up(state: State, record: NetworkRecord) -> None:
    """Makes the bridge that `record` names; the record must be on disk already."""
    # With a link address of its own; otherwise the bridge takes on that of its newest port, and every pod
    # would look for its gateway anew.
    octets = IPv4Address(record.address).packed
    link = ":".join(f"{octet:02x}" for octet in (0x02, 0x5A, *octets))
    _ip("link", "add", record.bridge, "address", link, "type", "bridge")
    _ip("link", "set", record.bridge, "alias", _alias(state))
    _ip("address", "add", f"{record.address}/{record.prefix_length}", "dev", record.bridge)
    _ip("link", "set", record.bridge, "up")


def is_up(state: State, record: NetworkRecord) -> bool:
    """Whether the bridge is there and is this lab's."""
    try:
        return Path(f"/sys/class/net/{record.bridge}/ifalias").read_text(encoding="utf-8").strip() == _alias(state)
    except OSError:
        return False


def down(state: State, record: NetworkRecord) -> None:
    """Removes the bridge if it is this lab's."""
    if is_up(state, record):
        _ip("link", "delete", record.bridge)


def require_free(address: str, port: int, what: str) -> None:
    """Raises LabError if something listens on the port already."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as problem:
            raise LabError(
                f"{what} needs port {port} on {address} and it cannot be had ({problem.strerror}): "
                f"stop what listens there (ss -ltnp 'sport = :{port}')"
            ) from problem


def _alias(state: State) -> str:
    return f"zero-trust-mesh lab {state.root}"[:255]


def _exists(name: str) -> bool:
    return Path(f"/sys/class/net/{name}").exists()


def _taken() -> list[IPv4Network]:
    routes = json.loads(_ip("-json", "-4", "route", "show", "table", "all") or "[]")
    networks: list[IPv4Network] = []
    for route in routes:
        destination = route.get("dst", "default")
        if destination == "default":
            continue
        network = ip_network(destination, strict=False)
        if isinstance(network, IPv4Network) and network.prefixlen > 0:
            networks.append(network)
    return networks


def _ip(*arguments: str) -> str:
    try:
        finished = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError as problem:
        raise LabError("the command ip is missing: install the package iproute2") from problem
    if finished.returncode != 0:
        raise LabError(f"ip {' '.join(arguments)}: {finished.stderr.strip() or 'failed without a reason'}")
    return finished.stdout

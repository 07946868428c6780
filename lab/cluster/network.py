"""One bridge of the lab's own, in a private range that nothing else here uses.

Nothing else of the machine's network is touched: no firewall rule, no sysctl, no other interface but the bridge's one
port. The bridge carries an alias that names its lab, so that only our own is ever removed; the routes to pods and
Services are over the bridge and vanish with it. Everything else is in network namespaces, which vanish with the
processes in them.

Of the lab's 10.N.0.0/16: 10.N.0.1 is this machine, 10.N.0.2 the node, 10.N.0.3 the internet, 10.N.0.10 and
those after it load balancers; 10.N.64.0/18 are pods and 10.N.128.0/17 Services.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, ip_network
from pathlib import Path

from lab.errors import LabError
from lab.state import NetworkRecord, State
from lab.waiting import patiently

BRIDGE_PREFIX = "ztm"
_MOST_BRIDGES = 16
_SECOND_OCTETS = range(201, 251)
_CAP_NET_ADMIN = 12
_NAMESPACE_SECONDS = 10.0
_POLL_SECONDS = 0.01
# What ip says of a bridge or a route that is there already.
_TAKEN = "File exists"
# What the node's and every pod's interface is called inside.
INTERFACE = "eth0"
# What the node's interface towards the internet is called.
_INTERNET = "internet"
# Nothing of these is a public address: what the lab does not have of them is not there at all.
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")

LINK_LOCAL_SERVICES = ("169.254.169.253", "169.254.169.254")
"""The VPC's resolver and the instance metadata, which every node reaches: the internet's stand-in is there, so that a
pod which is not stopped is answered."""
PRIVATE_SERVICE = "192.168.77.10"
"""The one private address beyond the node at which somebody is: the internet's stand-in plays a database there. The
stack declares it for one application (Pulumi.lab.yaml)."""


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
    # Beginning with the bridge's own, so that two labs that start together do not both take the first.
    start = int(bridge.removeprefix(BRIDGE_PREFIX))
    for octet in (*_SECOND_OCTETS[start:], *_SECOND_OCTETS[:start]):
        whole = IPv4Network(f"10.{octet}.0.0/16")
        if any(whole.overlaps(other) for other in taken):
            continue
        return NetworkRecord(
            bridge=bridge,
            address=f"10.{octet}.0.1",
            network=f"10.{octet}.0.0/24",
            pods=f"10.{octet}.64.0/18",
            services=f"10.{octet}.128.0/17",
        )
    raise LabError("every range from 10.201.0.0/16 to 10.250.0.0/16 is in use on this machine: free one for the lab")


def make(state: State) -> NetworkRecord:
    """A bridge that is up, and noted in `state`. Raises LabError.

    Another lab that starts at the same moment may take what was free a moment ago: then it looks again.
    """
    for _ in range(_MOST_BRIDGES):
        record = choose(state)
        state.write_network(record)
        try:
            up(state, record)
            return record
        except LabError as problem:
            if _TAKEN not in str(problem):
                raise
            down(state, record)
    raise LabError("other labs take every bridge and range as soon as it is free: start this one when they are up")


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
    for beyond in (record.pods, record.services, record.internet):
        _ip("route", "add", beyond, "via", record.node, "dev", record.bridge)


def connect_node(record: NetworkRecord, process: subprocess.Popen[bytes], more: Sequence[str] = ()) -> None:
    """Makes the network namespace that `process` began with the nodes': on the bridge, and forwarding.

    more: the addresses of the nodes that share it with the first.

    Raises LabError if the process has no namespace of its own.
    """
    inside = _entering(process)
    port = f"{record.bridge}-node"
    _ip("link", "add", port, "type", "veth", "peer", "name", INTERFACE, "netns", str(process.pid))
    _ip("link", "set", port, "master", record.bridge, "up")
    _run(*inside, "ip", "link", "set", "lo", "up")
    _run(*inside, "ip", "link", "set", INTERFACE, "up")
    # The files are those of the namespace which the shell is in, never the machine's. Without a limit on ICMP every
    # pod is told at once that an address does not exist, and not only the first that ask.
    settings = "cd /proc/sys/net/ipv4 && echo 1 >ip_forward && echo 0 >icmp_ratelimit"
    _run(*inside, "sh", "-c", settings)
    # Last, because the process waits for it.
    for address in (record.node, *more):
        _run(*inside, "ip", "address", "add", f"{address}/{record.prefix_length}", "dev", INTERFACE)


def connect_internet(record: NetworkRecord, process: subprocess.Popen[bytes], node: subprocess.Popen[bytes]) -> None:
    """Makes the network namespace of `process` all that is beyond the node: every public address is its own.

    Raises LabError if the process has no namespace of its own.
    """
    there, at_node = _entering(process), entering(node.pid)
    _run(*at_node, "ip", "link", "add", _INTERNET, "type", "veth", "peer", "name", INTERFACE, "netns", str(process.pid))
    _run(*at_node, "ip", "link", "set", _INTERNET, "up")
    _run(*there, "ip", "link", "set", "lo", "up")
    _run(*there, "ip", "link", "set", INTERFACE, "up")
    _run(*there, "ip", "route", "add", record.node, "dev", INTERFACE)
    for ours in (record.network, record.pods, record.services):
        _run(*there, "ip", "route", "add", ours, "via", record.node, "dev", INTERFACE)
    # In the table main and not in local, so that the routes above win.
    _run(*there, "ip", "route", "add", "local", "default", "dev", "lo", "table", "main")
    _run(*there, "ip", "address", "add", f"{PRIVATE_SERVICE}/32", "dev", INTERFACE)
    # Last of the two, because the process waits for it.
    _run(*there, "ip", "address", "add", f"{record.internet}/32", "dev", INTERFACE)
    for private in _PRIVATE:
        _run(*at_node, "ip", "route", "add", "unreachable", private)
    _run(*at_node, "ip", "route", "add", record.internet, "dev", _INTERNET, "src", record.node)
    for address in (PRIVATE_SERVICE, *LINK_LOCAL_SERVICES):
        _run(*at_node, "ip", "route", "add", address, "via", record.internet, "dev", _INTERNET, "src", record.node)
    # Service addresses never get that far; but a process of the node needs a route before they are translated.
    for beyond in ("default", record.services):
        _run(*at_node, "ip", "route", "add", beyond, "via", record.internet, "dev", _INTERNET, "src", record.node)


def claim(record: NetworkRecord, number: int) -> str:
    """The address of the n-th load balancer, on the lab's own bridge; it goes with the bridge."""
    address = record.load_balancer(number)
    _ip("address", "replace", f"{address}/32", "dev", record.bridge)
    return address


def entering(pid: int) -> tuple[str, ...]:
    """What to put before a command that is to run in the network namespace of a process."""
    return ("nsenter", f"--net=/proc/{pid}/ns/net")


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


def _entering(process: subprocess.Popen[bytes]) -> tuple[str, ...]:
    """As `entering`, once the process has left this program's namespace."""
    left = patiently(
        lambda: _namespace(process.pid) not in (None, _namespace(os.getpid())),
        lambda left: left or process.poll() is not None,
        seconds=_NAMESPACE_SECONDS,
        pause=_POLL_SECONDS,
    )
    if not left:
        raise LabError(f"process {process.pid} did not make a network namespace: its log says why")
    return entering(process.pid)


def _namespace(pid: int) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except FileNotFoundError:
        return None


def _ip(*arguments: str) -> str:
    return _run("ip", *arguments)


def _run(*command: str) -> str:
    try:
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as problem:
        raise LabError(f"the command {command[0]} is missing: install iproute2 and util-linux") from problem
    if finished.returncode != 0:
        raise LabError(f"{' '.join(command)}: {finished.stderr.strip() or 'failed without a reason'}")
    return finished.stdout

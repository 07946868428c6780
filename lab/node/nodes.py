"""The lab's nodes: their names, addresses, zones, and where the files of each are."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path

from lab.cluster.control_plane import NODE
from lab.state import NetworkRecord, State

CONTROL_GROUPS = Path("/sys/fs/cgroup")
_UNIFIED = CONTROL_GROUPS / "cgroup.controllers"


@dataclass(frozen=True, kw_only=True)
class Node:
    """One node; `process` is the record's name of its first process."""

    number: int
    name: str
    instance: str
    zone: str

    @property
    def process(self) -> str:
        return self.name

    @property
    def containerd(self) -> str:
        """The record's name of its container runtime."""
        return f"{self.name}-containerd"

    @property
    def kubelet(self) -> str:
        """The record's name of its kubelet."""
        return f"{self.name}-kubelet"

    @property
    def provider_id(self) -> str:
        return f"aws:///{self.zone}/{self.instance}"

    @property
    def labels(self) -> dict[str, str]:
        return {
            "topology.kubernetes.io/region": self.zone[:-1],
            "topology.kubernetes.io/zone": self.zone,
            "node.kubernetes.io/instance-type": "lab",
        }

    def address(self, record: NetworkRecord) -> str:
        """Its own, on the bridge; the first node's is that to which all routes lead."""
        return record.node if self.number == 0 else str(ip_network(record.network)[3 + self.number])

    def share(self, pods: str) -> str:
        """Its part of the pods' range, in CIDR notation as that is."""
        return str(list(ip_network(pods).subnets(prefixlen_diff=2))[self.number])

    def control_group(self, state: State) -> str:
        """Below which its pods are: a kubelet removes what it finds there and does not know."""
        return f"{control_group(state)}/{self.name}"

    def directory(self, state: State) -> Path:
        return state.node / self.name

    def root(self, state: State) -> Path:
        """Its file system."""
        return self.directory(state) / "root"


PROCESSORS = 8
"""What each node says it has, whatever this machine has: what pods ask for (requests) is for a real cluster."""
# The zones of the stack (Pulumi.lab.yaml), a node in each.
NODES: tuple[Node, ...] = (
    Node(number=0, name=NODE, instance="i-0a1b0000000000001", zone="eu-west-1a"),
    Node(number=1, name="node-2", instance="i-0a1b0000000000002", zone="eu-west-1b"),
)


def control_group(state: State) -> str:
    """Below which all pods of a lab are, in every hierarchy of control groups."""
    return f"/zero-trust-mesh-{sha256(str(state.root).encode()).hexdigest()[:12]}"


def is_unified() -> bool:
    """Whether this machine has version 2 of control groups, and nothing else."""
    return _UNIFIED.exists()


def hierarchies() -> tuple[Path, ...]:
    """Where control groups are mounted: one place with version 2, one for each controller with version 1."""
    if is_unified():
        return (CONTROL_GROUPS,)
    return tuple(path for path in sorted(CONTROL_GROUPS.iterdir()) if path.is_dir() and not path.is_symlink())

"""The lab's one state directory and the records of every process it started.

A record is the line of `/proc/<pid>/stat` that the process itself wrote before it became the program it
runs. So there is no moment in which a process runs unrecorded, and a record whose process id has since
been given to another process is recognised by its start time.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from ipaddress import ip_network
from pathlib import Path

from lab.paths import NAME

# Fields of /proc/<pid>/stat after the command's closing parenthesis; see proc(5), starttime is field 22.
_START_TIME_AFTER_COMMAND = 19


@dataclass(frozen=True, kw_only=True)
class ProcessRecord:
    """A process and when it was started, in clock ticks since boot."""

    name: str
    pid: int
    started: int
    path: Path

    def alive(self) -> bool:
        """Whether that very process, not another with its id, still runs."""
        return start_time(self.pid) == self.started


@dataclass(frozen=True, kw_only=True)
class NetworkRecord:
    """The bridge and the address ranges of a lab, written down before the bridge is made.

    address: the machine's own on the bridge; network: the bridge's; pods, services: ranges in CIDR notation.
    """

    bridge: str
    address: str
    network: str
    pods: str
    services: str

    @property
    def prefix_length(self) -> int:
        """Of the bridge's network."""
        return int(self.network.rpartition("/")[2])

    @property
    def node(self) -> str:
        """The node's address; everything of pods and Services is behind it."""
        return str(ip_network(self.network)[2])

    @property
    def internet(self) -> str:
        """The address of the internet's stand-in."""
        return str(ip_network(self.network)[3])

    def load_balancer(self, index: int) -> str:
        """The address for the load balancer stand-in number `index`, from 0."""
        return str(ip_network(self.network)[10 + index])

    @property
    def kubernetes_service(self) -> str:
        """The address of the Service `kubernetes`: the first, as every API server gives it."""
        return str(ip_network(self.services)[1])

    @property
    def dns(self) -> str:
        """The address of the cluster's DNS Service: the tenth, as on EKS."""
        return str(ip_network(self.services)[10])


@dataclass(frozen=True, kw_only=True)
class State:
    """The paths below the state directory; making one changes nothing on disk."""

    root: Path

    @property
    def processes(self) -> Path:
        """One record for each process of the control plane and the node."""
        return self.root / "processes"

    @property
    def node(self) -> Path:
        """The nodes' own: a directory for each, with its file system."""
        return self.root / "node"

    @property
    def certificates(self) -> Path:
        """Keys and certificates; readable by its owner only."""
        return self.root / "certificates"

    @property
    def logs(self) -> Path:
        """One file for each process."""
        return self.root / "logs"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.root / "kubeconfig"

    @property
    def helm(self) -> Path:
        """Helm's own directories, so that the user's are not touched."""
        return self.root / "helm"

    @property
    def temporary(self) -> Path:
        """For the temporary files of the lab's processes, so that none stays behind."""
        return self.root / "tmp"

    @property
    def toolchain(self) -> Path:
        """The name of the toolchain that this lab was started with."""
        return self.root / "toolchain"

    def exists(self) -> bool:
        """Whether a lab, whole or not, has been started and not taken down."""
        return self.root.is_dir()

    def create(self) -> None:
        """Makes the directories. Pods' users must be able to pass, so only the secrets are closed."""
        for path in (
            self.root,
            self.processes,
            self.node,
            self.logs,
            self.helm,
            self.temporary,
        ):
            path.mkdir(parents=True, exist_ok=True)
        self.certificates.mkdir(mode=0o700, exist_ok=True)

    def remove(self) -> None:
        """Removes all of it, and the directory above if the lab made that and nothing else is in it."""
        shutil.rmtree(self.root, ignore_errors=True)
        if self.root.parent.name == NAME and self.root.parent.is_dir() and not any(self.root.parent.iterdir()):
            self.root.parent.rmdir()

    def write_network(self, record: NetworkRecord) -> None:
        """Notes the bridge; call this before making it."""
        (self.root / "network.json").write_text(json.dumps(asdict(record), indent=2), encoding="utf-8")

    def network(self) -> NetworkRecord | None:
        """The bridge that was noted, made or not."""
        try:
            return NetworkRecord(**json.loads((self.root / "network.json").read_text(encoding="utf-8")))
        except (FileNotFoundError, json.JSONDecodeError, TypeError):
            return None

    def alive(self) -> dict[str, ProcessRecord]:
        """Those recorded processes that run, by name."""
        return {record.name: record for record in self.records() if record.alive()}

    def records(self) -> Iterator[ProcessRecord]:
        """The recorded processes of the control plane and the node, dead or alive."""
        for path in sorted(self.processes.glob("*.stat")):
            try:
                stat = path.read_text(encoding="utf-8")
                yield ProcessRecord(name=path.stem, pid=int(stat.split(" ", 1)[0]), started=_started(stat), path=path)
            except (OSError, ValueError, IndexError):
                continue  # begun and not finished: the process never became anything


def start_time(pid: int) -> int | None:
    """When a process was started, or None if there is none (a zombie counts as none)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return None
    if stat.rpartition(")")[2].split()[0] == "Z":
        return None
    return _started(stat)


def _started(stat: str) -> int:
    return int(stat.rpartition(")")[2].split()[_START_TIME_AFTER_COMMAND])


def is_root() -> bool:
    """Whether this process may make bridges and namespaces."""
    return os.geteuid() == 0

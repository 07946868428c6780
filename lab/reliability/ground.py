"""The running lab as steps act on it: brought to a standing as the program does it, and touched by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.cluster import processes
from lab.cluster.control_plane import ControlPlane
from lab.cluster.objects import Objects
from lab.commands import onboarding
from lab.engine.records import Records
from lab.lifecycle.processes import PROCESSES
from lab.node import control_groups
from lab.paths import PROGRAM
from lab.progress import Progress
from lab.reliability.stack import Standing

_ROLLOUT = "--timeout=180s"


@dataclass(kw_only=True)
class Ground:
    """standing: what the stack says now; None if that is not known, or somebody has changed what it made."""

    plane: ControlPlane
    progress: Progress
    standing: Standing | None = None

    def bring_to(self, standing: Standing) -> None:
        """As `pulumi up` would, until every Deployment has rolled; nothing where it is so already. Raises LabError."""
        if standing == self.standing:
            return
        self.standing = None
        onboarding.bring_to(PROGRAM, standing.config(), self.progress)
        self.standing = standing
        self.settled()

    def settled(self) -> None:
        """Waits until every Deployment has rolled. Raises LabError."""
        for item in self.objects().listed("apps/v1", "Deployment"):
            metadata = item["metadata"]
            where = (f"deployment/{metadata['name']}", f"--namespace={metadata['namespace']}")
            self.kubectl("rollout", "status", *where, _ROLLOUT)

    def restart(self, namespace: str, name: str = "") -> None:
        """`kubectl rollout restart`, of one Deployment or of all in a namespace, until it is done. Raises LabError."""
        what = f"deployment/{name}" if name else "deployment"
        self.kubectl("rollout", "restart", what, f"--namespace={namespace}")
        self.settled()

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Raises LabError."""
        return self.plane.kubectl(*arguments, stdin=stdin)

    def objects(self, field_manager: str = "a-team") -> Objects:
        """The cluster's objects, written by somebody who is not the program."""
        return Objects(api=self.plane.api, field_manager=field_manager)

    def mine(self) -> Records:
        """What the program has in the cluster."""
        return Records(self.plane.state.root / "applied.json")

    def stop_process(self, name: str) -> None:
        """Ends one of the lab's own processes."""
        processes.stop(self.plane.state, tuple(row for row in PROCESSES if row.name == name))

    def start_process(self, name: str) -> None:
        """Starts it anew, with the data it had. Raises LabError."""
        processes.start(self.plane, tuple(_alone(row) for row in PROCESSES if row.name == name))

    def pod_processes(self, *words: bytes) -> Iterator[int]:
        """The ids of processes in pods whose command line begins with these words."""
        for pid in control_groups.processes(self.plane.state):
            if _command(pid)[: len(words)] == list(words):
                yield pid

    def beside(self, pid: int, program: bytes) -> Iterator[int]:
        """The ids of processes of a program in the same pod as this one."""
        network = _network(pid)
        for path in Path("/proc").glob("[0-9]*"):
            words = _command(int(path.name))
            if words and words[0].rpartition(b"/")[2] == program and _network(int(path.name)) == network:
                yield int(path.name)


def _alone(row: processes.Process) -> processes.Process:
    """Without the rows it starts after: they run."""
    values = {name: getattr(row, name) for name in ("name", "part", "command", "ports", "join", "ready", "seconds")}
    return processes.Process(**values)


def _command(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
    except OSError:
        return []


def _network(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return ""

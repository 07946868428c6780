"""The control groups of a lab's pods: one of its own at the top of each hierarchy, removed with the lab."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from lab.errors import LabError
from lab.node.nodes import NODES, control_group, hierarchies, is_unified
from lab.state import State
from lab.waiting import patiently

_SECONDS = 10.0
# All pods together are one group beside each process of the machine's: ten times its share, by either version's name.
_SHARES = {"cpu.shares": "10240", "cpu.weight": "1000"}
# Version 2: what is in a group, what its children may use, and who is in it.
_CONTROLLERS, _PASSED_ON, _MEMBERS = "cgroup.controllers", "cgroup.subtree_control", "cgroup.procs"
# kubernetes pkg/kubelet/cm/cgroup_v2_manager_linux.go (getSupportedUnifiedControllers)
_KUBELETS = frozenset({"cpu", "cpuset", "memory", "hugetlb", "pids"})
_LEAF = "init"
_MOVES = 20


def make(state: State) -> None:
    """Makes them; a kubelet that is told of them asks for them, and with version 2 for every controller in them.

    Raises LabError.
    """
    for hierarchy in hierarchies():
        for group in (control_group(state), *(node.control_group(state) for node in NODES)):
            own = hierarchy / group.lstrip("/")
            own.mkdir(exist_ok=True)
            if is_unified():
                pass_controllers_on(own.parent)
            for name, share in _SHARES.items():
                if (own / name).exists():
                    (own / name).write_text(share, encoding="utf-8")


def pass_controllers_on(group: Path) -> None:
    """Lets a group's children use every controller that a kubelet uses and this machine has (version 2).

    With one of them missing no kubelet starts; systemd passes on those that its units ask for, and Docker none.
    Raises LabError.
    """
    there = (group / _CONTROLLERS).read_text(encoding="utf-8").split()
    wanted = [name for name in there if name in _KUBELETS]
    for _ in range(_MOVES):
        if set(wanted) <= set((group / _PASSED_ON).read_text(encoding="utf-8").split()):
            return
        try:
            (group / _PASSED_ON).write_text(" ".join(f"+{name}" for name in wanted), encoding="utf-8")
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise LabError(f"{group / _PASSED_ON}: {error.strerror}: no kubelet could limit its pods") from error
            # What a container sees as the top is a group like any other: with processes in it, it passes nothing on.
            _empty(group)
    raise LabError(f"{group} is never without processes of its own: it cannot pass its controllers on to pods")


def _empty(group: Path) -> None:
    """Moves its processes into a group below, as docker's own image for Docker in Docker does."""
    leaf = group / _LEAF
    leaf.mkdir(exist_ok=True)
    for pid in (group / _MEMBERS).read_text(encoding="utf-8").split():
        try:
            (leaf / _MEMBERS).write_text(pid, encoding="utf-8")
        except ProcessLookupError:
            continue


def remove(state: State) -> None:
    """Removes what is left of them, once their processes are gone."""
    patiently(lambda: _removed(state), bool, seconds=_SECONDS, pause=0.1)


def processes(state: State) -> tuple[int, ...]:
    """The ids of the processes of the lab's pods, those that hold their namespaces among them."""
    top = _counted() / control_group(state).lstrip("/")
    texts = (path.read_text(encoding="utf-8") for path in top.rglob("cgroup.procs"))
    return tuple(int(pid) for text in texts for pid in text.split())


def _counted() -> Path:
    """One hierarchy in which every container has a group."""
    return next((path for path in hierarchies() if path.name == "pids"), hierarchies()[0])


def _removed(state: State) -> bool:
    """Whether nothing is left; a group whose processes are still dying refuses to go."""
    left = False
    for hierarchy in hierarchies():
        top = hierarchy / control_group(state).lstrip("/")
        for directory, _, _ in os.walk(top, topdown=False):
            try:
                os.rmdir(directory)
            except OSError:
                left = True
    return not left

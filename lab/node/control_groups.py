"""The control groups of a lab's pods: one of its own at the top of each hierarchy, removed with the lab."""

from __future__ import annotations

import os
from pathlib import Path

from lab.node.nodes import NODES, control_group, hierarchies
from lab.state import State
from lab.waiting import patiently

_SECONDS = 10.0
# All pods together are one group beside each process of the machine's: ten times its share, by either version's name.
_SHARES = {"cpu.shares": "10240", "cpu.weight": "1000"}


def make(state: State) -> None:
    """Makes them; version 1's have to exist before a kubelet is told of them."""
    for hierarchy in hierarchies():
        for group in (control_group(state), *(node.control_group(state) for node in NODES)):
            own = hierarchy / group.lstrip("/")
            own.mkdir(exist_ok=True)
            for name, share in _SHARES.items():
                if (own / name).exists():
                    (own / name).write_text(share, encoding="utf-8")


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

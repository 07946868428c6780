"""Version 2 of control groups, with the kernel's own: what a kubelet asks for, passed on by a group that has processes.

On a machine with both versions most controllers are version 1's; what is left to version 2 behaves as all do there.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.node.control_groups import pass_controllers_on
from lab.waiting import patiently

# By a kubelet.
_ASKED_FOR = {"cpu", "cpuset", "hugetlb", "memory", "pids"}


@pytest.fixture
def top(tmp_path: Path) -> Iterator[Path]:
    """All groups of version 2, as this machine's kernel has them."""
    subprocess.run(["mount", "-t", "cgroup2", "none", tmp_path], check=True)
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


@pytest.fixture
def container(top: Path) -> Iterator[Path]:
    """A group with a process in it, which is what a container sees as the top of all groups."""
    pass_controllers_on(top)
    group = top / "zero-trust-mesh-test"
    group.mkdir()
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        (group / "cgroup.procs").write_text(str(sleeper.pid), encoding="utf-8")
        yield group
        sleeper.kill()
    for directory in (group / "pods", group / "init", group):
        patiently(lambda directory=directory: _removed(directory), bool, seconds=5.0, pause=0.1)
    assert not group.exists()


def _removed(directory: Path) -> bool:
    try:
        directory.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def test_a_group_with_processes_passes_its_controllers_on_once_they_are_below_it(container: Path) -> None:
    below = container / "pods"
    below.mkdir()
    theirs = (container / "cgroup.controllers").read_text(encoding="utf-8").split()
    assert {*theirs} & _ASKED_FOR, "this machine has no such controller in version 2"
    (member,) = (container / "cgroup.procs").read_text(encoding="utf-8").split()
    with pytest.raises(OSError, match="busy"):
        (container / "cgroup.subtree_control").write_text(f"+{theirs[0]}", encoding="utf-8")

    pass_controllers_on(container)

    assert {*(below / "cgroup.controllers").read_text(encoding="utf-8").split()} == {*theirs} & _ASKED_FOR
    assert (container / "init" / "cgroup.procs").read_text(encoding="utf-8").split() == [member]
    pass_controllers_on(container)

"""The first process of a node: it makes the node's namespaces and file system, and with it all of the node ends.

A node has processes, mounts and a host name of its own, and a root of its own: this machine's programs and libraries
read-only, everything else (/etc, /opt, /run, /var) below the lab's state directory. So kubelet, containerd, the CNI
plugins and DaemonSets use the paths that they use on any node, and nothing of this machine's own is behind those.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

# From linux/sched.h, sys/mount.h and sys/prctl.h.
_NEW_MOUNTS, _NEW_HOST_NAME, _NEW_IPC, _NEW_PROCESSES, _NEW_NETWORK = (
    0x00020000, 0x04000000, 0x08000000, 0x20000000, 0x40000000,
)  # fmt: skip
_READ_ONLY, _NO_SUID, _NO_DEV, _NO_EXEC, _REMOUNT, _BIND, _RECURSIVE = 1, 2, 4, 8, 32, 4096, 16384
_PRIVATE, _SHARED = 1 << 18, 1 << 20
_DETACH = 2
_DIE_WITH_PARENT = 1
_NOBODY_SECONDS = 1.0

# This machine's, read-only: programs, libraries, what those read.
_PROGRAMS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr")
_SETTINGS = ("alternatives", "ssl", "ld.so.conf.d")
_SETTINGS_COPIED = ("passwd", "group", "nsswitch.conf", "ld.so.cache", "ld.so.conf", "os-release", "protocols")
_OWN = ("etc", "opt", "run", "var/lib", "var/log", "var/tmp", "tmp", "root", "home", "proc", "sys", "dev", "mnt")
READY = "var/lib/node-ready"
"""Below the node's root, once all of it is there."""

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """`python -m lab.node.first_process CONFIGURATION`: a JSON file with root, name, binds and own_network."""
    config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    namespaces = _NEW_MOUNTS | _NEW_HOST_NAME | _NEW_IPC | _NEW_PROCESSES
    _call("unshare", namespaces | (_NEW_NETWORK if config["own_network"] else 0))
    child = os.fork()
    if child == 0:
        _call("prctl", _DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        _become_first(config)
    # The end of a namespace's first process is the end of all in it.
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGKILL))
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _become_first(config: dict[str, Any]) -> None:
    root = Path(config["root"])
    _call("sethostname", config["name"].encode(), len(config["name"]))
    _mount("", Path("/"), "", _RECURSIVE | _PRIVATE)
    _mount(str(root), root, "", _BIND)
    _make_root(root, config["processors"])
    for source in config["binds"]:
        _bind(Path(source), root)
    _enter(root)
    # What DaemonSets mount with HostToContainer is to show what the node mounts later.
    _mount("", Path("/"), "", _RECURSIVE | _SHARED)
    Path("/", READY).touch()
    _reap()


def _make_root(root: Path, processors: int) -> None:
    for name in _OWN:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in ("tmp", "var/tmp"):
        (root / name).chmod(0o1777)
    _link(root / "var/run", "../run")
    for name in _PROGRAMS:
        source = Path("/", name)
        if source.is_symlink():
            _link(root / name, os.readlink(source))
        elif source.is_dir():
            _bind(source, root, read_only=True)
    for name in _SETTINGS:
        if Path("/etc", name).is_dir():
            _bind(Path("/etc", name), root, read_only=True)
    for name in _SETTINGS_COPIED:
        if Path("/etc", name).is_file():
            shutil.copyfile(Path("/etc", name), root / "etc" / name)
    # Sysfs shows the network of who mounts it; the control groups are this machine's.
    _mount("sysfs", root / "sys", "sysfs", _NO_SUID | _NO_DEV | _NO_EXEC)
    _mount("/sys/fs/cgroup", root / "sys/fs/cgroup", "", _BIND | _RECURSIVE)
    _show_processors(root, processors)
    _mount("/dev", root / "dev", "", _BIND | _RECURSIVE)
    _mount("proc", root / "proc", "proc", _NO_SUID | _NO_DEV | _NO_EXEC)
    _mount("tmpfs", root / "run", "tmpfs", _NO_SUID | _NO_DEV, "mode=755")


def _show_processors(root: Path, number: int) -> None:
    """What the kubelet counts: the node's size is its instance type's, not this machine's."""
    shown, empty = root / "var/lib/node/cpu", root / "var/lib/node/numa"
    for index in range(number):
        # Without a topology: a kubelet would hold its pods to exactly these processors, which are not there.
        (shown / f"cpu{index}").mkdir(parents=True, exist_ok=True)
    (shown / "online").write_text(f"0-{number - 1}\n", encoding="utf-8")
    empty.mkdir(exist_ok=True)
    _mount(str(shown), root / "sys/devices/system/cpu", "", _BIND)
    if (root / "sys/devices/system/node").is_dir():
        _mount(str(empty), root / "sys/devices/system/node", "", _BIND)


def _enter(root: Path) -> None:
    os.chdir(root)
    # With "." twice the old root comes to lie on top of the new one, and goes at once.
    _call("pivot_root", b".", b".")
    _call("umount2", b".", _DETACH)
    os.chdir("/")


def _reap() -> None:
    """Waits for every process whose own parent is gone; for ever."""
    while True:
        try:
            os.wait()
        except ChildProcessError:
            time.sleep(_NOBODY_SECONDS)


def _bind(source: Path, root: Path, *, read_only: bool = False) -> None:
    """The same path inside as outside."""
    target = root / source.relative_to("/")
    target.mkdir(parents=True, exist_ok=True)
    _mount(str(source), target, "", _BIND)
    if read_only:
        _mount("", target, "", _REMOUNT | _BIND | _READ_ONLY)


def _link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_symlink():
        path.symlink_to(target)


def _mount(source: str, target: Path, kind: str, flags: int, data: str = "") -> None:
    _call("mount", source.encode(), str(target).encode(), kind.encode() or None, flags, data.encode() or None)


def _call(name: str, *arguments: Any) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}{arguments}: {os.strerror(number)}")


if __name__ == "__main__":
    main()

"""Debian packages that the lab cannot do without: installed when it runs as root, named otherwise."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab.errors import LabError
from lab.progress import Progress
from lab.state import is_root

# Command -> the package that has it. For a package without one, a command that comes with it.
NEEDED: dict[str, str] = {
    "ip": "iproute2",
    "nsenter": "util-linux",
    "nft": "nftables",  # kube-proxy's
    "iptables": "iptables",  # istio-cni's
    "curl": "curl",  # the probe pods'
    "openssl": "openssl",  # the example tls-passthrough's
    "gcc": "gcc",  # runc's own part in C, and pause
    "pkg-config": "pkg-config",  # by which runc's finds libseccomp
    "update-ca-certificates": "ca-certificates",  # what pods trust, beside the authority of the lab's internet
}


def ensure(progress: Progress, needed: dict[str, str] | None = None) -> None:
    """Installs what is missing; raises LabError that names it where that is not possible."""
    table = NEEDED if needed is None else needed
    _install(progress, {package for command, package in table.items() if shutil.which(command) is None})


def ensure_files(progress: Progress, needed: dict[Path, str]) -> None:
    """As `ensure`, of packages that are known by a file and not by a command."""
    _install(progress, {package for path, package in needed.items() if not path.exists()})


def _install(progress: Progress, packages: set[str]) -> None:
    missing = sorted(packages)
    if not missing:
        return
    wish = " ".join(missing)
    if not is_root() or shutil.which("apt-get") is None:
        raise LabError(f"install these packages first: {wish} (apt-get install {wish})")
    progress.line(f"installing Debian packages: {wish}")
    _apt("update", "--quiet")
    _apt("install", "--yes", "--quiet", "--no-install-recommends", *missing)


def _apt(*arguments: str) -> None:
    _run(("apt-get", *arguments))


def _run(command: Sequence[str]) -> None:
    finished = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={"DEBIAN_FRONTEND": "noninteractive", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    if finished.returncode != 0:
        lines = [line for line in finished.stderr.splitlines() if line.startswith("E:")] or finished.stderr.splitlines()
        raise LabError(f"{' '.join(command)} failed: {lines[0] if lines else 'it gave no reason'}")

"""What a lab could leave on the machine, or change of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.network import BRIDGE_PREFIX

_NAMES = ("etcd", "kube-", "lab-node", "pilot-", "cert-manager", "envoy", "moto.server", "lab.outside", "install-cni")
_SETTINGS = Path("/proc/sys/net")
# It changes with the machine's own connections.
_COUNTERS = frozenset({"nf_conntrack_count"})


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """processes: command lines of programs that a lab runs; namespaces: network namespaces with a process in them;
    firewall: what nft and iptables-save say; settings: sysctl -> value below net, without those of a lab's interfaces.
    """

    processes: frozenset[str]
    namespaces: frozenset[str]
    interfaces: frozenset[str]
    routes: frozenset[str]
    mounts: frozenset[str]
    firewall: tuple[str, ...]
    settings: dict[str, str]


def footprint() -> Footprint:
    """As it is now, in the namespaces of this process."""
    links = _said("ip", "-oneline", "link").splitlines()
    return Footprint(
        processes=frozenset(
            line
            for line in _said("ps", "-eo", "pid,args").splitlines()
            if any(f"/{name}" in line or f" {name}" in line for name in _NAMES)
        ),
        namespaces=frozenset(_namespaces()),
        interfaces=frozenset(line.split(": ")[1] for line in links),
        routes=frozenset(_said("ip", "route", "show", "table", "all").splitlines()),
        mounts=frozenset(line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()),
        firewall=(_said("nft", "list", "ruleset"), _rules(_said("iptables-save"))),
        settings=dict(_settings()),
    )


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _rules(saved: str) -> str:
    """Without the comments, which have the time in them."""
    return "\n".join(line for line in saved.splitlines() if not line.startswith("#"))


def _namespaces() -> Iterator[str]:
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                yield os.readlink(process / "ns" / "net")
            except OSError:
                continue  # it has ended meanwhile


def _settings() -> Iterator[tuple[str, str]]:
    for path in sorted(_SETTINGS.rglob("*")):
        name = str(path.relative_to(_SETTINGS))
        if f"/{BRIDGE_PREFIX}" in name or path.name in _COUNTERS or not path.is_file():
            continue
        try:
            yield name, path.read_text(encoding="utf-8")
        except OSError:
            continue  # some can be written only

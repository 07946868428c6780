"""A node's namespaces and its file system: the process in which they begin, and how others get into them."""

from __future__ import annotations

import json
import os
from hashlib import md5
from pathlib import Path

from lab.cluster import network
from lab.cluster.control_plane import ControlPlane
from lab.cluster.processes import Command, Process, Running, python
from lab.node import control_groups, registry
from lab.node.first_process import READY
from lab.node.nodes import NODES, PROCESSORS, Node

_CNI_PLUGINS = ("ptp", "host-local")
_CNI_VERSION = "1.0.0"


def process(node: Node) -> Process:
    """Its row."""
    first = node.number == 0
    return Process(
        name=node.process,
        part=f"node {node.name}: its namespaces",
        command=lambda plane: _command(plane, node),
        join=(lambda plane, running: _join(plane, running)) if first else None,
        ready=lambda plane: (node.root(plane.state) / READY).exists(),
        seconds=20.0,
        after=() if first else (NODES[0].process,),
    )


def inside(plane: ControlPlane, node: Node, *command: str | Path) -> Command:
    """A command line that runs `command` in all namespaces of a node."""
    pid = plane.state.alive()[node.process].pid
    spaces = [
        f"--{kind}=/proc/{pid}/ns/{kind if kind != 'mount' else 'mnt'}" for kind in ("net", "uts", "ipc", "mount")
    ]
    search = f"PATH={plane.toolchain.directory / 'bin'}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    own = ("/usr/bin/env", "-i", search, "HOME=/root")
    return ["nsenter", *spaces, f"--pid=/proc/{pid}/ns/pid_for_children", "--", *own, *command]


def seen_from_outside(plane: ControlPlane, node: Node, path: str) -> Path:
    """A path of a node's, as this machine sees it while the node runs."""
    return Path(f"/proc/{plane.state.alive()[node.process].pid}/root{path}")


def _command(plane: ControlPlane, node: Node) -> Command:
    root = node.root(plane.state)
    root.mkdir(parents=True, exist_ok=True)
    control_groups.make(plane.state)
    _write_network(plane, node, root)
    registry.name_for(plane, root)
    (root / "etc/hosts").write_text("127.0.0.1\tlocalhost\n::1\tlocalhost\n", encoding="utf-8")
    (root / "etc/machine-id").write_text(f"{md5(str(root).encode(), usedforsecurity=False).hexdigest()}\n")
    (root / "etc/resolv.conf").write_text(f"nameserver {plane.network.dns}\n", encoding="utf-8")
    config = {
        "root": str(root),
        "name": node.name,
        "own_network": node.number == 0,
        "processors": PROCESSORS,
        "binds": [str(plane.state.root), str(plane.toolchain.directory)],
    }
    path = node.directory(plane.state) / "first_process.json"
    path.write_text(json.dumps(config, indent=2), encoding="utf-8")
    command = python("lab.node.first_process", path)
    if node.number == 0:
        return command
    return [*network.entering(plane.state.alive()[NODES[0].process].pid), *command]


def _join(plane: ControlPlane, running: Running) -> None:
    more = [node.address(plane.network) for node in NODES[1:]]
    network.connect_node(plane.network, running[NODES[0].process], more)


def _write_network(plane: ControlPlane, node: Node, root: Path) -> None:
    """The first plugin of the node's chain, in the place of the VPC CNI; DaemonSets chain their own after it.

    Each pod gets an address of its own, a link to the node and the routes for that: neither side of the link is in
    anybody's network.
    """
    directory, programs = root / "etc/cni/net.d", root / "opt/cni/bin"
    for path in (directory, programs):
        path.mkdir(parents=True, exist_ok=True)
    chain = {
        "name": "lab",
        "cniVersion": _CNI_VERSION,
        "plugins": [
            {
                "type": "ptp",
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": node.share(plane.network.pods)}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                    "dataDir": "/run/cni",
                },
            }
        ],
    }
    (directory / "10-lab.conflist").write_text(json.dumps(chain, indent=2), encoding="utf-8")
    for name in _CNI_PLUGINS:
        if not (programs / name).exists():
            os.symlink(plane.toolchain.bin(name), programs / name)

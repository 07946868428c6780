"""The process that gives the nodes their images, and how their container runtime is told of it."""

from __future__ import annotations

import json
from pathlib import Path

from lab import paths
from lab.cluster import internet
from lab.cluster.control_plane import ControlPlane, aws_endpoint
from lab.cluster.processes import Command, Process, python
from lab.images import catalogue
from lab.waiting import listens

NAME = "registry"
PORT = 5000
HOSTS = "/etc/containerd/certs.d"
"""containerd's directory of registries, in a node."""


def store() -> Path:
    """The images of all labs, in the cache."""
    return paths.cache_directory().parent / "images"


def name_for(plane: ControlPlane, root: Path) -> None:
    """Puts the lab's registry into the place of every other, for the node whose file system is at `root`."""
    url = f"http://{plane.network.address}:{PORT}"
    directory = root / HOSTS.lstrip("/") / "_default"
    directory.mkdir(parents=True, exist_ok=True)
    text = f'server = "{url}"\n\n[host."{url}"]\n  capabilities = ["pull", "resolve"]\n'
    (directory / "hosts.toml").write_text(text, encoding="utf-8")


def _command(plane: ControlPlane) -> Command:
    rows = catalogue.table(plane.toolchain, internet.bundle(plane.state), aws_endpoint(plane.network))
    config = {
        "address": plane.network.address,
        "port": PORT,
        "store": str(store()),
        "rows": catalogue.as_json((*rows, catalogue.pause(plane.toolchain))),
    }
    path = plane.state.node / "registry.json"
    path.write_text(json.dumps(config, indent=2), encoding="utf-8")
    return python("lab.images.registry_server", path)


PROCESS = Process(
    name=NAME, part="the nodes' registry", ports=(PORT,), command=_command,
    ready=lambda plane: listens(plane.network.address, PORT), seconds=20.0,
)  # fmt: skip

"""containerd and runc, the real ones: root, state and socket are in the node's own file system."""

from __future__ import annotations

from pathlib import Path

from lab.cluster.control_plane import ControlPlane
from lab.cluster.processes import Command, Process
from lab.images.catalogue import PAUSE_IMAGE
from lab.node import registry
from lab.node.first import inside, seen_from_outside
from lab.node.nodes import Node

SOCKET = "/run/containerd/containerd.sock"
_CONFIG = "/etc/containerd/config.toml"


def process(node: Node) -> Process:
    """Its row."""
    return Process(
        name=node.containerd,
        part=f"node {node.name}: containerd",
        command=lambda plane: _command(plane, node),
        after=(node.process,),
        ready=lambda plane: seen_from_outside(plane, node, SOCKET).exists(),
        seconds=30.0,
    )


def _command(plane: ControlPlane, node: Node) -> Command:
    path = node.root(plane.state) / _CONFIG.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(configuration(plane.toolchain.bin("runc")), encoding="utf-8")
    return inside(plane, node, plane.toolchain.bin("containerd"), f"--config={_CONFIG}", "--log-level=warn")


def configuration(runc: Path) -> str:
    """containerd's configuration, version 3."""
    return f"""version = 3
disabled_plugins = [
  "io.containerd.nri.v1.nri", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.erofs",
]

[plugins."io.containerd.cri.v1.images"]
  # A layer is in the registry of this machine, and unpacked: nobody needs it a third time.
  discard_unpacked_layers = true
  use_local_image_pull = true
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "{PAUSE_IMAGE}"
  [plugins."io.containerd.cri.v1.images".registry]
    config_path = "{registry.HOSTS}"

[plugins."io.containerd.cri.v1.runtime"]
  disable_apparmor = true
  # A root without CAP_SYS_RESOURCE may not make a process less likely to be killed than itself.
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/opt/cni/bin"]
    conf_dir = "/etc/cni/net.d"
    use_internal_loopback = true
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      BinaryName = "{runc}"
      SystemdCgroup = false

[plugins."io.containerd.metadata.v1.bolt"]
  # A lab's data need not survive a power cut.
  no_sync = true
"""

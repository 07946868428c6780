"""The processes of the control plane and the nodes, in the order in which they start."""

from __future__ import annotations

from lab.cluster import control_plane_processes, internet, kube_proxy, network_policies
from lab.cluster.processes import Process
from lab.node import containerd, first, kubelet, registry
from lab.node.nodes import NODES

PROCESSES: tuple[Process, ...] = (
    *control_plane_processes.PROCESSES,
    registry.PROCESS,
    *(first.process(node) for node in NODES),
    *(containerd.process(node) for node in NODES),
    *(kubelet.process(node) for node in NODES),
    internet.PROCESS,
    kube_proxy.PROCESS,
    network_policies.PROCESS,
)

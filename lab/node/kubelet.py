"""The kubelet, the real one, with a node's own identity: Node authorization applies to it as on any cluster."""

from __future__ import annotations

import json
from typing import Any

from lab.cluster import certificates, credentials
from lab.cluster.control_plane import CLUSTER_DOMAIN, KUBELET_PORT, ControlPlane, node_ready
from lab.cluster.processes import Command, Process
from lab.node import containerd
from lab.node.first import inside
from lab.node.nodes import Node

_CONFIG = "/etc/kubernetes/kubelet.json"
_HEALTH_PORT = 10248


def process(node: Node) -> Process:
    """Its row."""
    return Process(
        name=node.kubelet,
        part=f"node {node.name}: kubelet",
        command=lambda plane: _command(plane, node),
        after=("kube-apiserver", node.containerd),
        ready=lambda plane: node_ready(plane.api, node.name),
    )


def _command(plane: ControlPlane, node: Node) -> Command:
    path = node.root(plane.state) / _CONFIG.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(configuration(plane, node), indent=2), encoding="utf-8")
    return inside(
        plane, node, plane.toolchain.bin("kubelet"),
        f"--config={_CONFIG}",
        f"--kubeconfig={certificates.kubeconfig(plane.state.certificates, node.name)}",
        f"--hostname-override={node.name}",
        f"--node-ip={node.address(plane.network)}",
        f"--node-labels={','.join(f'{key}={value}' for key, value in node.labels.items())}",
        "--v=1",
    )  # fmt: skip


def configuration(plane: ControlPlane, node: Node) -> dict[str, Any]:
    """A KubeletConfiguration."""
    secrets = plane.state.certificates
    serving = certificates.pair(secrets, node.name)
    address = node.address(plane.network)
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": address,
        "port": KUBELET_PORT,
        "healthzBindAddress": address,
        "healthzPort": _HEALTH_PORT,
        "tlsCertFile": str(serving.certificate),
        "tlsPrivateKeyFile": str(serving.key),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(certificates.authority(secrets, credentials.KUBERNETES))},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{containerd.SOCKET}",
        "clusterDNS": [plane.network.dns],
        "clusterDomain": CLUSTER_DOMAIN,
        "resolvConf": "/etc/resolv.conf",
        "providerID": node.provider_id,
        # The pods' control groups are the lab's own; the machine's other ones are none of this kubelet's.
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": node.control_group(plane.state),
        "cgroupsPerQOS": True,
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "makeIPTablesUtilChains": False,
        "oomScoreAdj": 0,
        "localStorageCapacityIsolation": False,
        # This machine's disk and memory are not a node's to be tidied up.
        "evictionHard": {"memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        # Of the node's kernel settings those of a pod's own network are allowed, as EKS does on request.
        "allowedUnsafeSysctls": ["net.*"],
        # The default rates are for clusters that others use as well; here they only make one wait.
        "kubeAPIQPS": 200,
        "kubeAPIBurst": 400,
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
        "serializeImagePulls": False,
        "logging": {"flushFrequency": "1s"},
    }

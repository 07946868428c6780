"""kube-proxy, the real one: in the node's network namespace, it makes Service addresses work.

It sees that namespace's firewall and sysctls and no others, so the machine's own stay as they are.
"""

from __future__ import annotations

import http.client
import json
from pathlib import Path

from lab.cluster import certificates, network
from lab.cluster.control_plane import NODE, ControlPlane
from lab.cluster.processes import Command, Process
from lab.state import NetworkRecord

NAME = "kube-proxy"
HEALTH_PORT = 10256
METRICS_PORT = 10249
_ANSWER_SECONDS = 2.0


def _command(plane: ControlPlane) -> Command:
    path = plane.state.node / "kube-proxy.json"
    document = configuration(plane.network, certificates.kubeconfig(plane.state.certificates, NAME), NODE)
    path.write_text(json.dumps(document, indent=2), encoding="utf-8")
    return [*network.entering(plane.state.alive()[NODE].pid), plane.toolchain.bin(NAME), f"--config={path}"]


def configuration(record: NetworkRecord, kubeconfig: Path, node_name: str) -> dict[str, object]:
    """A KubeProxyConfiguration."""
    none = "0s"
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "hostnameOverride": node_name,
        "bindAddress": record.node,
        "healthzBindAddress": f"{record.node}:{HEALTH_PORT}",
        "metricsBindAddress": f"{record.node}:{METRICS_PORT}",
        "mode": "nftables",
        # What comes from outside of the pods' range gets the node's address as its source, so that this machine
        # reaches through Services even what runs on itself, such as the API server.
        "detectLocalMode": "ClusterCIDR",
        "clusterCIDR": record.pods,
        # A person waits for each change, and there is little to compute.
        "nftables": {"minSyncPeriod": "100ms", "syncPeriod": "30s"},
        # Nothing of the kernel's is to be tuned: these are the machine's or would hide a difference.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": none, "tcpCloseWaitTimeout": none},
        "oomScoreAdj": 0,
    }


def _answers(plane: ControlPlane) -> bool:
    """Whether all Services are in place."""
    connection = http.client.HTTPConnection(plane.network.node, HEALTH_PORT, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


PROCESS = Process(name=NAME, part="kube-proxy", command=_command, after=(NODE,), ready=_answers, seconds=30.0)

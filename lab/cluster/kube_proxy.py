"""kube-proxy, the real one: in the node's network namespace, it makes Service addresses work.

It sees that namespace's firewall and sysctls and no others, so the machine's own stay as they are.
"""

from __future__ import annotations

import http.client
import json
from pathlib import Path

from lab.build.toolchain_files import Toolchain
from lab.cluster import network, processes
from lab.state import NetworkRecord, State

NAME = "kube-proxy"
USER = "system:kube-proxy"
"""The user to whom every API server gives the rights of kube-proxy."""
HEALTH_PORT = 10256
METRICS_PORT = 10249
_START_SECONDS = 30.0
_ANSWER_SECONDS = 2.0


def start(
    state: State, record: NetworkRecord, toolchain: Toolchain, *, kubeconfig: Path, node_name: str, node_process: int
) -> None:
    """Starts it in the namespace of the process `node_process`; returns when all Services are in place.

    Raises LabError.
    """
    path = state.node / "kube-proxy.json"
    path.write_text(json.dumps(configuration(record, kubeconfig, node_name), indent=2), encoding="utf-8")
    command = [*network.entering(node_process), toolchain.bin(NAME), f"--config={path}"]
    process = processes.start(state, NAME, command)
    processes.wait_until(
        NAME, lambda: _answers(record), seconds=_START_SECONDS, watched=process, log=processes.log_file(state, NAME)
    )


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


def _answers(record: NetworkRecord) -> bool:
    connection = http.client.HTTPConnection(record.node, HEALTH_PORT, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()

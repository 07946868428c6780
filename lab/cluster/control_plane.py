"""etcd, the API server, the controller manager and the process node: their arguments and their order."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.build import pins
from lab.build.toolchain_files import Toolchain
from lab.cluster import certificates, internet, kube_proxy, network, processes
from lab.cluster.api import ApiServer
from lab.cluster.certificates import KeyPair
from lab.cluster.credentials import Credentials, make_credentials
from lab.images import catalogue
from lab.state import NetworkRecord, State

API_PORT = 6443
API_SERVICE_PORT = 443
ETCD_PORT = 2379
ETCD_PEER_PORT = 2380
CONTROLLER_MANAGER_PORT = 10257
KUBELET_PORT = 10250
NODE_NAME = "lab-node"
PROCESSES: tuple[str, ...] = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "lab-node",
    internet.NAME,
    kube_proxy.NAME,
)
CLUSTER_DOMAIN = "cluster.local"
SERVICE_ACCOUNT_ISSUER = f"https://kubernetes.default.svc.{CLUSTER_DOMAIN}"
# The zone of the one node; the stack's own zones are of no use to a single machine.
NODE_LABELS: dict[str, str] = {
    "topology.kubernetes.io/region": "us-east-1",
    "topology.kubernetes.io/zone": "us-east-1a",
    "node.kubernetes.io/instance-type": "lab",
}
_START_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class ControlPlane:
    """A running lab, as others need it."""

    state: State
    network: NetworkRecord
    api: ApiServer
    toolchain: Toolchain
    reused: bool

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.state.kubeconfig

    @property
    def environment(self) -> dict[str, str]:
        """For kubectl, helm and istioctl: this cluster, and helm's files inside the lab's state."""
        return {
            "KUBECONFIG": str(self.state.kubeconfig),
            "HELM_CACHE_HOME": str(self.state.helm / "cache"),
            "HELM_CONFIG_HOME": str(self.state.helm / "config"),
            "HELM_DATA_HOME": str(self.state.helm / "data"),
            "TMPDIR": str(self.state.temporary),
        }


def api_server(state: State, record: NetworkRecord) -> ApiServer:
    """How to reach the API server of a lab, running or not."""
    directory = state.certificates
    return ApiServer(
        address=record.address,
        port=API_PORT,
        authority=directory / "kubernetes-ca.crt",
        client=KeyPair(certificate=directory / "admin.crt", key=directory / "admin.key"),
    )


def start(state: State, record: NetworkRecord, toolchain: Toolchain, report: Callable[[str], None]) -> ControlPlane:
    """Starts everything on an empty state directory and a bridge that is up. Raises LabError."""
    for port, what in (
        (ETCD_PORT, "etcd"), (ETCD_PEER_PORT, "etcd"), (API_PORT, "kube-apiserver"),
        (CONTROLLER_MANAGER_PORT, "kube-controller-manager"), (KUBELET_PORT, "lab-node"),
    ):  # fmt: skip
        network.require_free(record.address, port, what)
    credentials = make_credentials(state, record, node_name=NODE_NAME, cluster_domain=CLUSTER_DOMAIN)
    api = api_server(state, record)
    certificates.write_kubeconfig(
        state.kubeconfig, server=api.url, authority=credentials.authority, client=credentials.admin
    )
    report("starting etcd and the API server")
    etcd = processes.start(state, "etcd", _etcd(state, record, toolchain, credentials))
    server = processes.start(state, "kube-apiserver", _api_server(record, toolchain, credentials))
    # A failing etcd shows in the API server's patience only; so it is looked at first.
    processes.wait_until(
        "kube-apiserver",
        lambda: _still_runs(state, "etcd", etcd) and api.ready(),
        seconds=_START_SECONDS, watched=server, log=processes.log_file(state, "kube-apiserver"),
    )  # fmt: skip
    report("starting the controller manager and the process node")
    beyond = internet.start(state, record)
    for name, client in (
        ("controller-manager", credentials.controller_manager),
        ("node", credentials.node),
        (kube_proxy.NAME, credentials.proxy),
    ):
        certificates.write_kubeconfig(
            state.certificates / f"{name}.kubeconfig",
            server=api.url,
            authority=credentials.authority,
            client=client,
        )
    processes.start(state, "kube-controller-manager", _controller_manager(state, record, toolchain, credentials))
    node = processes.start(state, "lab-node", _node(state, record, toolchain, credentials))
    network.connect_node(record, node)
    internet.connect(state, record, beyond, node)
    processes.wait_until(
        "lab-node", lambda: node_ready(api), seconds=_START_SECONDS, watched=node,
        log=processes.log_file(state, "lab-node"),
    )  # fmt: skip
    kube_proxy.start(
        state, record, toolchain,
        kubeconfig=state.certificates / f"{kube_proxy.NAME}.kubeconfig", node_name=NODE_NAME, node_process=node.pid,
    )  # fmt: skip
    return ControlPlane(state=state, network=record, api=api, toolchain=toolchain, reused=False)


def node_ready(api: ApiServer) -> bool:
    """Whether the process node has registered and says that it is ready."""
    node = api.document(f"/api/v1/nodes/{NODE_NAME}") or {}
    conditions = node.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _still_runs(state: State, name: str, process: subprocess.Popen[bytes]) -> bool:
    processes.wait_until(name, lambda: True, seconds=0, watched=None, log=processes.log_file(state, name))
    if process.poll() is None:
        return True
    processes.wait_until(name, lambda: False, seconds=0, watched=process, log=processes.log_file(state, name))
    return False


def _etcd(state: State, record: NetworkRecord, toolchain: Toolchain, credentials: Credentials) -> list[str | Path]:
    client = f"https://{record.address}:{ETCD_PORT}"
    peer = f"https://{record.address}:{ETCD_PEER_PORT}"
    pair = credentials.etcd_server
    return [
        toolchain.bin("etcd"),
        "--name=lab",
        f"--data-dir={state.root / 'etcd'}",
        "--unsafe-no-fsync",  # a lab's data need not survive a power cut
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=lab={peer}",
        "--client-cert-auth",
        "--peer-client-cert-auth",
        f"--trusted-ca-file={credentials.etcd_authority}",
        f"--peer-trusted-ca-file={credentials.etcd_authority}",
        f"--cert-file={pair.certificate}",
        f"--key-file={pair.key}",
        f"--peer-cert-file={pair.certificate}",
        f"--peer-key-file={pair.key}",
        "--log-level=warn",
    ]


def _api_server(record: NetworkRecord, toolchain: Toolchain, credentials: Credentials) -> list[str | Path]:
    return [
        toolchain.bin("kube-apiserver"),
        f"--bind-address={record.address}",
        f"--advertise-address={record.address}",
        f"--secure-port={API_PORT}",
        f"--etcd-servers=https://{record.address}:{ETCD_PORT}",
        f"--etcd-cafile={credentials.etcd_authority}",
        f"--etcd-certfile={credentials.etcd_client.certificate}",
        f"--etcd-keyfile={credentials.etcd_client.key}",
        f"--tls-cert-file={credentials.api_server.certificate}",
        f"--tls-private-key-file={credentials.api_server.key}",
        f"--client-ca-file={credentials.authority}",
        "--authorization-mode=Node,RBAC",
        "--anonymous-auth=false",
        "--allow-privileged=true",
        f"--service-cluster-ip-range={record.services}",
        # Webhooks are reached by endpoint address, so that nothing has to play Service addresses for them.
        "--enable-aggregator-routing=true",
        f"--service-account-issuer={SERVICE_ACCOUNT_ISSUER}",
        f"--service-account-key-file={credentials.service_accounts.certificate}",
        f"--service-account-signing-key-file={credentials.service_accounts.key}",
        f"--kubelet-client-certificate={credentials.kubelet_client.certificate}",
        f"--kubelet-client-key={credentials.kubelet_client.key}",
        f"--kubelet-certificate-authority={credentials.authority}",
        "--kubelet-preferred-address-types=InternalIP",
        "--profiling=false",
    ]


def _controller_manager(
    state: State, record: NetworkRecord, toolchain: Toolchain, credentials: Credentials
) -> list[str | Path]:
    kubeconfig = state.certificates / "controller-manager.kubeconfig"
    return [
        toolchain.bin("kube-controller-manager"),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={record.address}",
        f"--secure-port={CONTROLLER_MANAGER_PORT}",
        f"--root-ca-file={credentials.authority}",
        f"--service-account-private-key-file={credentials.service_accounts.key}",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        # The default rates are for clusters that others use as well; here they only make one wait.
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--profiling=false",
    ]


def _node(state: State, record: NetworkRecord, toolchain: Toolchain, credentials: Credentials) -> list[str | Path]:
    configuration = {
        "kubeconfig": str(state.certificates / "node.kubeconfig"),
        "nodeName": NODE_NAME,
        "version": f"{pins.KUBERNETES}-lab",
        "address": record.node,
        "podCIDR": record.pods,
        "apiHost": record.kubernetes_service,
        "apiPort": str(API_SERVICE_PORT),
        "dnsAddress": record.dns,
        "clusterDomain": CLUSTER_DOMAIN,
        "stateDir": str(state.node),
        "logDir": str(state.logs / "pods"),
        "nodeLabels": NODE_LABELS,
        "providerID": f"lab:///{NODE_LABELS['topology.kubernetes.io/zone']}/{NODE_NAME}",
        "kubeletCertificate": str(credentials.kubelet.certificate),
        "kubeletKey": str(credentials.kubelet.key),
        "clientAuthority": str(credentials.authority),
        "images": catalogue.as_json(catalogue.table(toolchain, internet.bundle(state))),
    }
    path = state.node / "config.json"
    path.write_text(json.dumps(configuration, indent=2), encoding="utf-8")
    # Its namespace is the node's; network.connect_node gives it its address.
    return ["unshare", "--net", toolchain.bin("lab-node"), "-config", path]

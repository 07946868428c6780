"""The control plane of one lab, as those who use it need it: its addresses, its API server, its tools."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.build.toolchain_files import Toolchain
from lab.cluster import certificates
from lab.cluster.api import ApiServer
from lab.errors import LabError
from lab.state import NetworkRecord, State
from meshops.tools import ToolError, Tools

API_PORT = 443
"""As an EKS control plane's: NetworkPolicies name it."""
API_SERVICE_PORT = 443
ETCD_PORT = 2379
ETCD_PEER_PORT = 2380
CONTROLLER_MANAGER_PORT = 10257
SCHEDULER_PORT = 10259
AWS_PORT = 4566
"""Of the stand-in for AWS on the lab's bridge, where pods reach it."""
KUBELET_PORT = 10250
NODE = "node-1"
"""The first node, and the process with which it begins: in its network namespace are both nodes."""
KUBE_PROXY_USER = "system:kube-proxy"
"""The user to whom every API server gives the rights of kube-proxy."""
NETWORK_POLICY_USER = "lab-netpol"
"""The user of the program that enforces NetworkPolicies."""
CLUSTER_DOMAIN = "cluster.local"
# A drain takes as long as the pods that leave.
_KUBECTL_SECONDS = 300.0
SERVICE_ACCOUNT_ISSUER = f"https://kubernetes.default.svc.{CLUSTER_DOMAIN}"


@dataclass(frozen=True, kw_only=True)
class ControlPlane:
    """reused: it ran before this command."""

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

    @property
    def tools(self) -> Tools:
        """The operator's kubectl on this cluster."""
        return Tools(kubectl=str(self.toolchain.bin("kubectl")), kubeconfig=self.kubeconfig)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What it prints, as an operator has it. Raises LabError with what it says instead."""
        try:
            return self.tools.ask_kubectl(*arguments, stdin=stdin, seconds=_KUBECTL_SECONDS)
        except ToolError as problem:
            raise LabError(str(problem)) from problem


def api_server(state: State, record: NetworkRecord) -> ApiServer:
    """How to reach the API server of a lab, running or not."""
    directory = state.certificates
    return ApiServer(
        address=record.address,
        port=API_PORT,
        authority=certificates.authority(directory, "kubernetes"),
        client=certificates.pair(directory, "admin"),
    )


def node_ready(api: ApiServer, name: str) -> bool:
    """Whether a node has registered and says that it is ready."""
    node = api.document(f"/api/v1/nodes/{name}") or {}
    conditions = node.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def aws_endpoint(record: NetworkRecord) -> str:
    """Where pods reach the stand-in for AWS, whether it runs or not."""
    return f"http://{record.address}:{AWS_PORT}"

"""The control plane's certificates, keys and kubeconfigs, by the names that its command lines use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lab.cluster import certificates
from lab.cluster.api import ApiServer
from lab.cluster.certificates import Authority, KeyPair
from lab.cluster.control_plane import CLUSTER_DOMAIN, KUBE_PROXY_USER, NETWORK_POLICY_USER
from lab.state import NetworkRecord, State

ETCD, KUBERNETES, FRONT_PROXY = "etcd", "kubernetes", "front-proxy"
"""The authorities."""
FRONT_PROXY_CLIENT = "front-proxy-client"
# Who has a kubeconfig beside the administrator.
_CLIENTS = ("controller-manager", "scheduler", "kube-proxy", "lab-netpol")
_SERVICE_ACCOUNTS = "service-accounts"


def service_accounts(directory: Path) -> KeyPair:
    """The key pair for their tokens; `certificate` is the public key."""
    return KeyPair(certificate=directory / f"{_SERVICE_ACCOUNTS}.pub", key=directory / f"{_SERVICE_ACCOUNTS}.key")


def issue(state: State, record: NetworkRecord, api: ApiServer, nodes: Mapping[str, str]) -> None:
    """Makes them all anew, below `state.certificates`, and the administrator's kubeconfig.

    nodes: name -> address
    """
    directory = state.certificates
    etcd = Authority(directory, ETCD)
    etcd.issue("etcd", "etcd", names=[record.address], server=True)
    etcd.issue("etcd-client", "kube-apiserver")
    kubernetes = Authority(directory, KUBERNETES)
    service = f"kubernetes.default.svc.{CLUSTER_DOMAIN}"
    names = [".".join(service.split(".")[:count]) for count in (1, 2, 3, 5)]
    addresses = [record.address, record.kubernetes_service]
    kubernetes.issue("kube-apiserver", "kube-apiserver", names=[*names, *addresses], server=True)
    kubernetes.issue("admin", "lab-admin", groups=["system:masters"])
    kubernetes.issue("controller-manager", "system:kube-controller-manager")
    kubernetes.issue("scheduler", "system:kube-scheduler")
    for name, address in nodes.items():
        # A kubelet's for its clients too.
        kubernetes.issue(name, f"system:node:{name}", groups=["system:nodes"], names=[name, address], server=True)
    kubernetes.issue("kube-proxy", KUBE_PROXY_USER)
    kubernetes.issue("lab-netpol", NETWORK_POLICY_USER)
    # What the API server's own clients may do at a kubelet is the API server's to check, and it may do all.
    kubernetes.issue("kubelet-client", "kube-apiserver-kubelet-client", groups=["system:masters"])
    certificates.signing_key(directory, _SERVICE_ACCOUNTS)
    # By which an API behind the API server, the metrics API, knows that it is asked by it.
    Authority(directory, FRONT_PROXY).issue(FRONT_PROXY_CLIENT, FRONT_PROXY_CLIENT)
    written = {
        "admin": state.kubeconfig,
        **{name: certificates.kubeconfig(directory, name) for name in (*_CLIENTS, *nodes)},
    }
    for name, path in written.items():
        client = certificates.pair(directory, name)
        certificates.write_kubeconfig(path, server=api.url, authority=kubernetes.certificate, client=client)

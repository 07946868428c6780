"""Who is who in a lab: the control plane's authorities and the certificates that they issue."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.cluster import certificates, kube_proxy
from lab.cluster.certificates import Authority, KeyPair
from lab.state import NetworkRecord, State


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """The certificates and keys of one lab: authorities as files, and a pair for each who has one."""

    etcd_authority: Path
    etcd_server: KeyPair
    etcd_client: KeyPair
    authority: Path
    api_server: KeyPair
    admin: KeyPair
    controller_manager: KeyPair
    node: KeyPair
    proxy: KeyPair
    kubelet: KeyPair
    kubelet_client: KeyPair
    service_accounts: KeyPair


def make_credentials(state: State, record: NetworkRecord, *, node_name: str, cluster_domain: str) -> Credentials:
    """Issues them all anew, below `state.certificates`."""
    directory = state.certificates
    etcd = Authority(directory, "etcd")
    kubernetes = Authority(directory, "kubernetes")
    service = f"kubernetes.default.svc.{cluster_domain}"
    names = [".".join(service.split(".")[:count]) for count in (1, 2, 3, 5)]
    return Credentials(
        etcd_authority=etcd.certificate,
        etcd_server=etcd.issue("etcd", "etcd", names=[record.address], server=True),
        etcd_client=etcd.issue("etcd-client", "kube-apiserver"),
        authority=kubernetes.certificate,
        api_server=kubernetes.issue(
            "kube-apiserver", "kube-apiserver", names=[*names, record.address, record.kubernetes_service], server=True
        ),
        admin=kubernetes.issue("admin", "lab-admin", groups=["system:masters"]),
        controller_manager=kubernetes.issue("controller-manager", "system:kube-controller-manager"),
        # It schedules, runs pods and asks for their tokens: three of a real cluster's identities in one.
        node=kubernetes.issue("node", node_name, groups=["system:masters"]),
        proxy=kubernetes.issue(kube_proxy.NAME, kube_proxy.USER),
        # What the node's own endpoints are served with.
        kubelet=kubernetes.issue(
            "kubelet", f"system:node:{node_name}", groups=["system:nodes"], names=[record.node], server=True
        ),
        # The node lets this one in and no other; what the API server's own clients may do is the API server's to check.
        kubelet_client=kubernetes.issue("kubelet-client", "kube-apiserver-kubelet-client"),
        service_accounts=certificates.signing_key(directory, "service-accounts"),
    )

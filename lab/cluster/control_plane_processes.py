"""The control plane's processes, in the order in which they start: a row for each, with its command line."""

from __future__ import annotations

import json

from lab.build import pins
from lab.cluster import certificates, credentials, internet, kube_proxy, network
from lab.cluster.control_plane import (
    API_PORT,
    API_SERVICE_PORT,
    CLUSTER_DOMAIN,
    CONTROLLER_MANAGER_PORT,
    ETCD_PEER_PORT,
    ETCD_PORT,
    KUBELET_PORT,
    NODE,
    NODE_INSTANCE,
    NODE_LABELS,
    NODE_NAME,
    SCHEDULER_PORT,
    SERVICE_ACCOUNT_ISSUER,
    ControlPlane,
    aws_endpoint,
    node_ready,
)
from lab.cluster.processes import Command, Process, Running
from lab.images import catalogue

_ETCD, _API_SERVER = "etcd", "kube-apiserver"
_CONTROLLER_MANAGER, _SCHEDULER = "kube-controller-manager", "kube-scheduler"


def _etcd(plane: ControlPlane) -> Command:
    record, secrets = plane.network, plane.state.certificates
    client = f"https://{record.address}:{ETCD_PORT}"
    peer = f"https://{record.address}:{ETCD_PEER_PORT}"
    pair, authority = certificates.pair(secrets, "etcd"), certificates.authority(secrets, credentials.ETCD)
    return [
        plane.toolchain.bin("etcd"),
        "--name=lab",
        f"--data-dir={plane.state.root / 'etcd'}",
        "--unsafe-no-fsync",  # a lab's data need not survive a power cut
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=lab={peer}",
        "--client-cert-auth",
        "--peer-client-cert-auth",
        f"--trusted-ca-file={authority}",
        f"--peer-trusted-ca-file={authority}",
        f"--cert-file={pair.certificate}",
        f"--key-file={pair.key}",
        f"--peer-cert-file={pair.certificate}",
        f"--peer-key-file={pair.key}",
        "--log-level=warn",
    ]


def _api_server(plane: ControlPlane) -> Command:
    record, secrets = plane.network, plane.state.certificates
    serving, to_etcd, to_nodes, to_apis = (
        certificates.pair(secrets, name)
        for name in ("kube-apiserver", "etcd-client", "kubelet-client", credentials.FRONT_PROXY_CLIENT)
    )
    authority = certificates.authority(secrets, credentials.KUBERNETES)
    tokens = credentials.service_accounts(secrets)
    return [
        plane.toolchain.bin("kube-apiserver"),
        f"--bind-address={record.address}",
        f"--advertise-address={record.address}",
        f"--secure-port={API_PORT}",
        f"--etcd-servers=https://{record.address}:{ETCD_PORT}",
        f"--etcd-cafile={certificates.authority(secrets, credentials.ETCD)}",
        f"--etcd-certfile={to_etcd.certificate}",
        f"--etcd-keyfile={to_etcd.key}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--client-ca-file={authority}",
        "--authorization-mode=Node,RBAC",
        "--anonymous-auth=false",
        "--allow-privileged=true",
        f"--service-cluster-ip-range={record.services}",
        # Webhooks are reached by endpoint address, so that nothing has to play Service addresses for them.
        "--enable-aggregator-routing=true",
        f"--requestheader-client-ca-file={certificates.authority(secrets, credentials.FRONT_PROXY)}",
        f"--requestheader-allowed-names={credentials.FRONT_PROXY_CLIENT}",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={to_apis.certificate}",
        f"--proxy-client-key-file={to_apis.key}",
        f"--service-account-issuer={SERVICE_ACCOUNT_ISSUER}",
        f"--service-account-key-file={tokens.certificate}",
        f"--service-account-signing-key-file={tokens.key}",
        f"--kubelet-client-certificate={to_nodes.certificate}",
        f"--kubelet-client-key={to_nodes.key}",
        f"--kubelet-certificate-authority={authority}",
        "--kubelet-preferred-address-types=InternalIP",
        "--profiling=false",
    ]


def _controller_manager(plane: ControlPlane) -> Command:
    record, secrets = plane.network, plane.state.certificates
    kubeconfig = certificates.kubeconfig(secrets, "controller-manager")
    return [
        plane.toolchain.bin("kube-controller-manager"),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={record.address}",
        f"--secure-port={CONTROLLER_MANAGER_PORT}",
        f"--root-ca-file={certificates.authority(secrets, credentials.KUBERNETES)}",
        f"--service-account-private-key-file={credentials.service_accounts(secrets).key}",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        # The default rates are for clusters that others use as well; here they only make one wait.
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--profiling=false",
    ]


def _scheduler(plane: ControlPlane) -> Command:
    kubeconfig = certificates.kubeconfig(plane.state.certificates, "scheduler")
    return [
        plane.toolchain.bin("kube-scheduler"),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={plane.network.address}",
        f"--secure-port={SCHEDULER_PORT}",
        "--leader-elect=false",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--profiling=false",
    ]


def _node(plane: ControlPlane) -> Command:
    state, record, secrets = plane.state, plane.network, plane.state.certificates
    kubelet = certificates.pair(secrets, "kubelet")
    configuration = {
        "kubeconfig": str(certificates.kubeconfig(secrets, "node")),
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
        "providerID": f"aws:///{NODE_LABELS['topology.kubernetes.io/zone']}/{NODE_INSTANCE}",
        "kubeletCertificate": str(kubelet.certificate),
        "kubeletKey": str(kubelet.key),
        "clientAuthority": str(certificates.authority(secrets, credentials.KUBERNETES)),
        "images": catalogue.as_json(catalogue.table(plane.toolchain, internet.bundle(state), aws_endpoint(record))),
    }
    path = state.node / "config.json"
    path.write_text(json.dumps(configuration, indent=2), encoding="utf-8")
    # Its namespace is the node's; `_join_node` gives it its address.
    return ["unshare", "--net", plane.toolchain.bin("lab-node"), "-config", path]


def _join_node(plane: ControlPlane, running: Running) -> None:
    network.connect_node(plane.network, running[NODE])


CONTROL_PLANE: tuple[Process, ...] = (
    Process(name=_ETCD, part="etcd", ports=(ETCD_PORT, ETCD_PEER_PORT), command=_etcd),
    Process(
        name=_API_SERVER, part="the API server", ports=(API_PORT,), command=_api_server, after=(_ETCD,),
        ready=lambda plane: plane.api.ready(),
    ),
    Process(
        name=_CONTROLLER_MANAGER, part="the controller manager", ports=(CONTROLLER_MANAGER_PORT,),
        command=_controller_manager, after=(_API_SERVER,),
    ),
    Process(
        name=_SCHEDULER, part="the scheduler", ports=(SCHEDULER_PORT,), command=_scheduler, after=(_API_SERVER,),
    ),
)  # fmt: skip
PROCESSES: tuple[Process, ...] = (
    *CONTROL_PLANE[:-1],
    Process(
        name=NODE, part="the process node", ports=(KUBELET_PORT,), command=_node, after=(_API_SERVER,),
        join=_join_node, ready=lambda plane: node_ready(plane.api),
    ),
    internet.PROCESS,
    kube_proxy.PROCESS,
)  # fmt: skip

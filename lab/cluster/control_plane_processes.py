"""The control plane's processes, in the order in which they start: a row for each, with its command line."""

from __future__ import annotations

from lab.cluster import certificates, credentials
from lab.cluster.control_plane import (
    API_PORT,
    CONTROLLER_MANAGER_PORT,
    ETCD_PEER_PORT,
    ETCD_PORT,
    SCHEDULER_PORT,
    SERVICE_ACCOUNT_ISSUER,
    ControlPlane,
)
from lab.cluster.processes import Command, Process

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


PROCESSES: tuple[Process, ...] = (
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

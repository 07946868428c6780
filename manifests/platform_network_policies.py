"""Who reaches what in the platform's own namespaces at layer 4, and what leaves them: one table.

Three peers have no labels and are known by their addresses. The API server, which calls the webhooks: EKS puts its
network interfaces into the cluster's subnets, so it is any address of the VPC, and pods have such addresses too. The
load balancer: an ALB's interfaces stand in the public subnets if it faces the internet, where no pod is, and in the
private ones if not. The clients of an NLB, which keeps their addresses: `allowedCidrs`, less the subnets of the pods.
The kubelet needs no rule: the VPC CNI always lets a node reach its own pods.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any
from urllib.parse import urlsplit

from configuration.settings import Settings
from manifests.address_plan import plan_addresses
from manifests.document import Document, document
from manifests.names import (
    CERT_MANAGER,
    COLLECTOR,
    GATEWAY_PORT,
    GATEWAY_SELECTOR,
    GATEWAY_STATUS_PORT,
    INJECTION_LABEL,
    ISTIO_INGRESS,
    ISTIO_SYSTEM,
    KUBE_SYSTEM,
    OBSERVABILITY,
    OTLP_GRPC_PORT,
    OTLP_HTTP_PORT,
    PASSTHROUGH_PORT,
    POD_IDENTITY_AGENT,
    POD_IDENTITY_PORT,
)
from manifests.namespace import platform_namespaces
from manifests.network_rules import dns, in_namespace, pods, port

DEFAULT_DENY = "default-deny"

_ISTIOD = {"app": "istiod"}
_ISTIOD_XDS = 15012
_ISTIOD_WEBHOOK = 15017
_CERT_MANAGER_WEBHOOK = {"app.kubernetes.io/name": "webhook", "app.kubernetes.io/component": "webhook"}
_CERT_MANAGER_WEBHOOK_PORT = 10250
_HTTPS = 443
# As the chart labels it, from which the add-on is built, and on the port that EKS sets:
# https://docs.aws.amazon.com/eks/latest/userguide/metrics-server.html ("pre-configured to use port 10251")
_METRICS_SERVER = {"app.kubernetes.io/name": "metrics-server"}
_METRICS_SERVER_PORT = 10251
_KUBELET_PORT = 10250
_LOAD_BALANCER_CONTROLLER = {"app.kubernetes.io/name": "aws-load-balancer-controller"}
_LOAD_BALANCER_WEBHOOK_PORT = 9443

# RFC 1918 and RFC 6598: where a VPC may lie whose own range the settings do not say.
_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")))
_LINK_LOCAL = IPv4Network("169.254.0.0/16")
# https://docs.aws.amazon.com/eks/latest/APIReference/API_KubernetesNetworkConfigRequest.html: EKS takes one of these
# two ranges for Services; the first address is the API server's, and the CNI sees a packet before kube-proxy does.
_API_SERVICES = tuple(map(IPv4Network, ("10.100.0.1/32", "172.20.0.1/32")))
_EVERYWHERE = IPv4Network("0.0.0.0/0")

# What verify makes in the gateway's namespace, to ask as the load balancer does; nobody else makes pods there.
_PROBES = {"app.kubernetes.io/managed-by": "meshops-verify"}


@dataclass(frozen=True, kw_only=True)
class _Row:
    """name: of the NetworkPolicy. pods: which it is for; empty for all of the namespace."""

    namespace: str
    name: str
    pods: dict[str, str]
    ingress: tuple[dict[str, Any], ...] = ()
    egress: tuple[dict[str, Any], ...] = ()

    def document(self) -> Document:
        spec: dict[str, Any] = {
            "podSelector": {"matchLabels": self.pods} if self.pods else {},
            "policyTypes": [
                *(("Ingress",) if self.ingress else ()),
                *(("Egress",) if self.egress else ()),
            ],
        }
        if not (self.ingress or self.egress):
            spec["policyTypes"] = ["Ingress", "Egress"]
        if self.ingress:
            spec["ingress"] = list(self.ingress)
        if self.egress:
            spec["egress"] = list(self.egress)
        return document("networking.k8s.io/v1", "NetworkPolicy", self.name, namespace=self.namespace, spec=spec)


def platform_network_policies(settings: Settings) -> tuple[Document, ...]:
    """Nothing in, nothing out, but for the rows."""
    tracing = settings.observability.tracing
    namespaces = [name for name in platform_namespaces(settings.cluster) if tracing or name != OBSERVABILITY]
    closed = [_Row(namespace=name, name=DEFAULT_DENY, pods={}) for name in namespaces]
    return tuple(row.document() for row in (*closed, *_rows(settings)))


def _rows(settings: Settings) -> Iterable[_Row]:
    addresses = _Addresses(settings)
    api_in, api_out = _blocks(addresses.vpc), _egress(_blocks((*addresses.vpc, *_API_SERVICES)), _HTTPS)
    yield _Row(
        namespace=ISTIO_SYSTEM,
        name="istiod",
        pods=_ISTIOD,
        ingress=(_ingress([_meshed(), *_leaving(settings)], _ISTIOD_XDS), _ingress(api_in, _ISTIOD_WEBHOOK)),
        egress=(dns(), api_out, *_issuers(settings)),
    )
    yield from _gateway(settings, addresses)
    if not settings.cluster.provided.cert_manager:
        yield _Row(
            namespace=CERT_MANAGER,
            name="cert-manager-webhook",
            pods=_CERT_MANAGER_WEBHOOK,
            ingress=(_ingress(api_in, _CERT_MANAGER_WEBHOOK_PORT),),
        )
        # The chart's own check after an installation too, which is a Job.
        yield _Row(namespace=CERT_MANAGER, name="api-server", pods={}, egress=(dns(), api_out))
    if not settings.cluster.provided.load_balancer_controller:
        # What it asks of AWS has no addresses that could be named: it goes out as it likes.
        yield _Row(
            namespace=KUBE_SYSTEM,
            name="aws-load-balancer-controller",
            pods=_LOAD_BALANCER_CONTROLLER,
            ingress=(_ingress(api_in, _LOAD_BALANCER_WEBHOOK_PORT),),
        )
    if not settings.cluster.provided.metrics_server:
        # The rest of kube-system is EKS's and stays open. Each node is asked on its own address, inside the VPC.
        yield _Row(
            namespace=KUBE_SYSTEM,
            name="metrics-server",
            pods=_METRICS_SERVER,
            ingress=(_ingress(api_in, _METRICS_SERVER_PORT),),
            egress=(dns(), api_out, _egress(_blocks(addresses.vpc), _KUBELET_PORT)),
        )
    if settings.observability.tracing:
        # X-Ray is outside, or an interface endpoint of the VPC; which name it is, nothing here can say.
        aws = _blocks([_EVERYWHERE], but=(*_PRIVATE, _LINK_LOCAL))
        if settings.network.interface_endpoints or settings.network.existing:
            aws += _blocks(addresses.vpc)
        yield _Row(
            namespace=OBSERVABILITY,
            name=COLLECTOR,
            pods={"app": COLLECTOR},
            ingress=(_ingress([_meshed()], OTLP_GRPC_PORT, OTLP_HTTP_PORT),),
            egress=(
                dns(),
                _egress(aws, _HTTPS),
                _egress(_blocks([IPv4Network(POD_IDENTITY_AGENT)]), POD_IDENTITY_PORT),
            ),
        )


def _issuers(settings: Settings) -> Iterable[dict[str, Any]]:
    """The way to the keys of those who sign users' tokens, which istiod fetches; nothing where no token is asked for.

    Without it every token would be refused. Which name it is, nothing here can say; that it is no private address,
    istiod itself sees to as well (manifests/issuer_networks.py).
    """
    ports = {
        urlsplit(issuer.jwks_uri).port or _HTTPS
        for namespace in settings.namespaces
        for application in namespace.applications
        if application.authentication
        for issuer in application.authentication.issuers
    }
    if ports:
        public = _blocks([_EVERYWHERE], but=(*_PRIVATE, _LINK_LOCAL))
        yield _egress([*public, *_blocks(settings.mesh.issuer_networks)], *sorted(ports))


def _gateway(settings: Settings, addresses: _Addresses) -> Iterable[_Row]:
    balancer = settings.load_balancer
    entry = [*_blocks(addresses.load_balancer), pods(_PROBES)]
    doors = [_ingress(entry, GATEWAY_PORT)]
    if "nlb" in balancer.entries:
        # It keeps its clients' addresses, and leads to the port that ends no TLS only.
        doors.append(_ingress([*entry, *_blocks(balancer.allowed_cidrs, but=addresses.pods)], PASSTHROUGH_PORT))
    published = [
        _egress([pods({"app": application.name}, namespace=namespace.name)], application.port)
        for namespace in settings.namespaces
        for application in namespace.applications
        if application.hosts and application.port is not None
    ]
    collector = (
        [_egress([pods({"app": COLLECTOR}, namespace=OBSERVABILITY)], OTLP_GRPC_PORT, OTLP_HTTP_PORT)]
        if settings.observability.tracing
        else []
    )
    yield _Row(
        namespace=ISTIO_INGRESS,
        name="gateway",
        pods=dict(GATEWAY_SELECTOR),
        ingress=(
            *doors,
            _ingress([*_blocks(addresses.load_balancer), pods(_PROBES)], GATEWAY_STATUS_PORT),
        ),
        egress=(dns(), _egress([pods(_ISTIOD, namespace=ISTIO_SYSTEM)], _ISTIOD_XDS), *collector, *published),
    )
    yield _Row(
        namespace=ISTIO_INGRESS,
        name="meshops-verify",
        pods=_PROBES,
        egress=(_egress([pods(GATEWAY_SELECTOR)], GATEWAY_PORT, PASSTHROUGH_PORT, GATEWAY_STATUS_PORT),),
    )


@dataclass(frozen=True)
class _Addresses:
    settings: Settings

    @property
    def vpc(self) -> tuple[IPv4Network, ...]:
        """Of an existing VPC the settings know its subnets by their ids only."""
        cidr = self.settings.network.cidr
        return (cidr,) if cidr else _PRIVATE

    @property
    def load_balancer(self) -> tuple[IPv4Network, ...]:
        public, private = self._subnets
        if not public:
            return self.vpc
        return public if self.settings.load_balancer.scheme == "internet-facing" else private

    @property
    def pods(self) -> tuple[IPv4Network, ...]:
        """Empty where nobody knows: then the exception would be of the clients as well."""
        return self._subnets[1]

    @property
    def _subnets(self) -> tuple[tuple[IPv4Network, ...], tuple[IPv4Network, ...]]:
        """Public and private."""
        network = self.settings.network
        if not network.cidr:
            return (), ()
        zones = plan_addresses(network.cidr, zones=network.zones, subnets=network.subnets).zones
        return tuple(zone.public for zone in zones), tuple(zone.private for zone in zones)


def _blocks(networks: Iterable[IPv4Network], *, but: Iterable[IPv4Network] = ()) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for network in networks:
        inside = [str(other) for other in but if other != network and other.subnet_of(network)]
        found.append({"ipBlock": {"cidr": str(network), **({"except": inside} if inside else {})}})
    return found


def _meshed() -> dict[str, Any]:
    """Pods of every namespace that is injected, the gateway's included; only deployers set this label."""
    return {"namespaceSelector": {"matchExpressions": [{"key": INJECTION_LABEL, "operator": "Exists"}]}}


def _leaving(settings: Settings) -> Iterable[dict[str, Any]]:
    """Namespaces outside the mesh: pods that still have a sidecar there go on being told, and get new certificates.

    Those of other pipelines have one until these restart them, which may be long after a certificate's day.
    """
    return (in_namespace(namespace.name) for namespace in settings.namespaces if not namespace.in_mesh)


def _ingress(peers: list[dict[str, Any]], *numbers: int) -> dict[str, Any]:
    return {"from": peers, "ports": [port(number) for number in numbers]}


def _egress(peers: list[dict[str, Any]], *numbers: int | None) -> dict[str, Any]:
    return {"to": peers, "ports": [port(number) for number in numbers]}

"""MA1xx: plaintext, and every port that listens in the cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from manifests.names import CERT_MANAGER, KUBE_SYSTEM
from meshops.attack import judging
from meshops.attack.entry import attempt
from meshops.attack.ground import OUTSIDER, Ground
from meshops.attack.model import Attempt, Judge, Shot, Wall
from meshops.attack.shots import get, raw
from meshops.attack.wire import h2

_SETTINGS = h2.opening().decode("latin-1")


def _plain(ground: Ground) -> list[Shot]:
    return [
        get(OUTSIDER, pod.ip, member.application.port or 0, member.application.readiness_path, host=member.host)
        for member in ground.stack.listeners
        for pod in ground.pods(member.namespace.name, member.name)[:1]
    ]


def _services(ground: Ground) -> list[Shot]:
    return [
        get(OUTSIDER, member.host, member.application.port or 0, member.application.readiness_path)
        for member in ground.stack.listeners
    ]


def _plain_h2(ground: Ground) -> list[Shot]:
    return [
        raw(OUTSIDER, pod.ip, member.application.port or 0, _SETTINGS, said="HTTP/2 with prior knowledge")
        for member in ground.stack.listeners
        for pod in ground.pods(member.namespace.name, member.name)[:1]
    ]


def _of_pods(port: int, *paths: str) -> Callable[[Ground], list[Shot]]:
    """The port of one pod of each application."""

    def steps(ground: Ground) -> list[Shot]:
        return [
            get(OUTSIDER, pod.ip, port, path)
            for member in ground.stack.members
            for pod in ground.pods(member.namespace.name, member.name)[:1]
            if port != member.application.port
            for path in paths or ("/",)
        ]

    return steps


def _of_gateways(*ports: int, path: str = "/") -> Callable[[Ground], list[Shot]]:
    return lambda ground: [get(OUTSIDER, pod.ip, port, path) for pod in ground.gateways[:1] for port in ports]


def _of_nodes(port: int, path: str, *, secured: bool = False) -> Callable[[Ground], list[Shot]]:
    tls = {"sni": None} if secured else None
    return lambda ground: [get(OUTSIDER, node, port, path, tls=tls) for node in ground.nodes[:2]]


def _of_platform(
    namespace: str, label: tuple[str, str], targets: Iterable[tuple[int, str]]
) -> Callable[[Ground], list[Shot]]:
    def steps(ground: Ground) -> list[Shot]:
        pods = [pod for pod in ground.objects.pods_of(namespace, dict([label])) if pod.running and pod.ip]
        return [get(OUTSIDER, pod.ip, port, path) for pod in pods[:1] for port, path in targets]

    return steps


def _webhook(ground: Ground) -> list[Shot]:
    pods = ground.objects.pods_of(CERT_MANAGER, {"app": "webhook"})
    return [
        get(OUTSIDER, pod.ip, 10250, "/mutate", method="POST", body="{}", tls={"sni": None})
        for pod in pods[:1]
        if pod.ip
    ]


def _traces(ground: Ground) -> list[Shot]:
    if not ground.collector:
        return []
    return [
        get(OUTSIDER, ground.collector, 4318, "/v1/traces", method="POST", body='{"resourceSpans":[]}',
            headers=(("Content-Type", "application/json"),)),
        raw(OUTSIDER, ground.collector, 4317, _SETTINGS, said="HTTP/2 with prior knowledge, as gRPC begins"),
    ]  # fmt: skip


def _api_server(ground: Ground) -> list[Shot]:
    paths = ("/api/v1/secrets", "/api/v1/namespaces/istio-system/secrets", "/apis/security.istio.io/v1")
    return [get(OUTSIDER, "kubernetes.default.svc", 443, path, tls={"sni": None}) for path in paths]


_NOTHING = "Not one byte of an answer comes back."
_ENVOY_PORTS: tuple[tuple[int, int, tuple[str, ...], Wall, str], ...] = (
    (103, 15000, ("/config_dump",), "sidecar", "Envoy's admin interface"),
    (104, 15001, ("/",), "sidecar", "the sidecar's outbound listener"),
    (105, 15004, ("/debug/syncz",), "sidecar", "the agent's debug interface"),
    (106, 15006, ("/",), "sidecar", "the sidecar's inbound listener"),
    (107, 15008, ("/",), "sidecar", "HBONE"),
    (108, 15012, ("/",), "sidecar", "XDS, where no istiod is"),
    (109, 15014, ("/metrics",), "sidecar", "control plane's monitoring, where no istiod is"),
    (110, 15020, ("/stats/prometheus", "/app-health/probe/readyz", "/quitquitquit", "/debug/ndsz"), "NetworkPolicy",
     "the agent: merged metrics, rewritten probes"),
    (111, 15021, ("/healthz/ready",), "NetworkPolicy", "the proxy's readiness"),
    (112, 15053, ("/",), "sidecar", "the agent's DNS proxy"),
    (113, 15090, ("/stats/prometheus",), "sidecar", "Envoy's metrics"),
    (114, 8080, ("/",), "sidecar", "a port that no Service names"),
)  # fmt: skip


def _port(number: int, port: int, paths: tuple[str, ...], wall: Wall, what: str) -> Attempt:
    return attempt(
        f"MA{number}",
        position="outsider",
        name=f"Port {port} of a sidecar's pod",
        tries=f"Asks {port} of a pod of each application in plaintext ({what}): {', '.join(paths)}.",
        must="Nothing but refusals comes back.",
        wall=wall,
        steps=_of_pods(port, *paths),
        judge=judging.no_bytes,
        severity="medium" if wall == "NetworkPolicy" else "high",
    )


def _service(
    number: int, name: str, tries: str, steps: Callable[[Ground], list[Shot]], judge: Judge = judging.no_bytes,
    wall: Wall = "NetworkPolicy", must: str = _NOTHING,
) -> Attempt:  # fmt: skip
    return attempt(
        f"MA{number}", position="outsider", name=name, tries=tries, must=must, wall=wall, steps=steps, judge=judge,
        severity="medium",
    )  # fmt: skip


_DNS = (KUBE_SYSTEM, ("k8s-app", "kube-dns"))
ATTEMPTS: tuple[Attempt, ...] = (
    attempt(
        "MA101", position="outsider", name="Plaintext to an application's pod",
        tries="Asks each application's pod in plaintext on its own port.", must="The connection is reset.",
        wall="sidecar", steps=_plain, judge=judging.no_bytes, severity="critical",
    ),
    attempt(
        "MA102", position="outsider", name="Plaintext to an application's Service",
        tries="The same by the Service's name.", must="The connection is reset.",
        wall="sidecar", steps=_services, judge=judging.no_bytes, severity="critical",
    ),
    *(_port(*row) for row in _ENVOY_PORTS),
    _service(115, "Other ports of the gateway", "Asks a gateway's pod in plaintext on 80, 443, 8080, 15000, "
                                                "15004, 15012 "
             "and 15090.", _of_gateways(80, 443, 8080, 15000, 15004, 15012, 15090), wall="gateway"),
    _service(116, "The gateway's readiness port", "Asks a gateway's pod on 15021, which is for the load balancer's "
             "health check.", _of_gateways(15021, path="/healthz/ready")),
    _service(117, "The gateway's agent", "Asks a gateway's pod on 15020 for its metrics.",
             _of_gateways(15020, path="/stats/prometheus")),
    _service(118, "kube-proxy's metrics", "Asks the nodes on 10249.", _of_nodes(10249, "/metrics"),
         wall="security group"),
    _service(119, "kube-proxy's health", "Asks the nodes on 10256.", _of_nodes(10256, "/healthz"), wall="security "
         "group"),
    _service(120, "The kubelet, unauthenticated", "Asks the nodes on 10250 for their pods.",
             _of_nodes(10250, "/pods", secured=True), wall="control plane", must="It asks who is there: 401."),
    _service(121, "The kubelet's read-only port", "Asks the nodes on 10255.", _of_nodes(10255, "/pods"),
             wall="control plane"),
    _service(122, "The CNI agent", "Asks the CNI agent's pod for metrics (15014) and readiness (8000).",
             _of_platform(KUBE_SYSTEM, ("k8s-app", "istio-cni-node"), ((15014, "/metrics"), (8000, "/readyz")))),
    _service(123, "CoreDNS's metrics", "Asks CoreDNS on 9153.", _of_platform(*_DNS, ((9153, "/metrics"),))),
    _service(124, "CoreDNS's health", "Asks CoreDNS on 8080 and 8181.",
             _of_platform(*_DNS, ((8080, "/health"), (8181, "/ready")))),
    _service(125, "cert-manager's metrics", "Asks cert-manager on 9402.",
             _of_platform(CERT_MANAGER, ("app", "cert-manager"), ((9402, "/metrics"),))),
    _service(126, "cert-manager's webhook", "Sends its webhook a review of its own making.", _webhook,
             judge=judging.no_success),
    _service(127, "Spans for the collector", "Sends the collector OTLP over HTTP, and begins gRPC.", _traces),
    _service(128, "The collector's own ports", "Asks the collector on 8888 and 13133.",
             _of_platform("observability", ("app", "otel-collector"), ((8888, "/metrics"), (13133, "/")))),
    _service(129, "etcd", "Asks the nodes on 2379 and for its keys.", _of_nodes(2379, "/v2/keys"), wall="security "
         "group"),
    _service(130, "The API server, unauthenticated", "Asks it for secrets and for the mesh's policies without a token.",
             _api_server, judge=judging.no_success, wall="admission", must="401 or 403."),
    attempt(
        "MA131", position="outsider", name="HTTP/2 in plaintext to an application",
        tries="Begins HTTP/2 without TLS on each application's port.", must="The connection is reset.",
        wall="sidecar", steps=_plain_h2, judge=judging.no_bytes, severity="critical",
    ),
)  # fmt: skip

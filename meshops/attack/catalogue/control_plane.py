"""MA2xx: Envoy's admin interface by whatever leads to it, and istiod's own ports."""

from __future__ import annotations

from collections.abc import Callable

from meshops.attack import judging
from meshops.attack.entry import attempt
from meshops.attack.ground import OUTSIDER, Ground
from meshops.attack.model import Attempt, Position, Shot, Wall
from meshops.attack.place import Place
from meshops.attack.shots import OWN, get, raw
from meshops.attack.wire import h2

_ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
_CLUSTERS = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
_METRICS = "/stats/prometheus"

# (id, path): how a path climbs out of the one prefix that 15090 serves.
CLIMBS: tuple[tuple[int, str, str], ...] = (
    (201, "plain dots", f"{_METRICS}/../../config_dump"),
    (202, "encoded dots", f"{_METRICS}/%2e%2e/%2e%2e/config_dump"),
    (203, "encoded slashes", f"{_METRICS}/..%2f..%2fconfig_dump"),
    (204, "encoded twice", f"{_METRICS}/%252e%252e/%252e%252e/config_dump"),
    (205, "a semicolon", f"{_METRICS};/../../config_dump"),
    (206, "backslashes", f"{_METRICS}/..\\..\\config_dump"),
    (207, "a prefix only", f"{_METRICS}x/../../certs"),
)


def climb(path: str, *, method: str = "GET") -> Callable[[Ground], list[Shot]]:
    """This path on 15090 of a pod of each application, and of the gateway."""

    def steps(ground: Ground) -> list[Shot]:
        pods = [pod for member in ground.stack.members for pod in ground.pods(member.namespace.name, member.name)[:1]]
        return [
            get(OUTSIDER, pod.ip, 15090, path, method=method, host="localhost") for pod in (*pods, *ground.gateways[:1])
        ]

    return steps


def _from_neighbour(ground: Ground) -> list[Shot]:
    target = ground.target
    if target is None or not (address := ground.pod_ip(target)):
        return []
    return [
        get(ground.caller(target), address, port, path)
        for port, path in ((15090, f"{_METRICS}/../../config_dump"), (15000, "/config_dump"), (15020, "/debug/ndsz"))
    ]


def _own_admin(ground: Ground) -> list[Shot]:
    target = ground.target
    return [get(ground.caller(target), "127.0.0.1", 15000, "/config_dump")] if target else []


def discovery(node: str, kind: str = _CLUSTERS, labels: tuple[tuple[str, str], ...] = ()) -> str:
    """A DiscoveryRequest of the node with this id."""
    about = h2.field(1, node.encode())
    if labels:
        metadata = b"".join(h2.field(1, h2.field(1, key.encode()) + h2.field(2, h2.field(3, value.encode())))
                            for key, value in labels)  # fmt: skip
        about += h2.field(3, metadata)
    return (h2.field(2, about) + h2.field(4, kind.encode())).decode("latin-1")


def _node(ground: Ground, kind: str) -> str:
    """The id of a proxy that is somebody else's: a pod of the target, or of the gateway."""
    if kind == "router":
        pod = next(iter(ground.gateways), None)
    else:
        target = ground.target
        pods = ground.pods(target.callee.namespace.name, target.callee.name) if target else ()
        pod = next(iter(pods), None)
    if pod is None:
        return ""
    return f"{kind}~{pod.ip}~{pod.name}.{pod.namespace}~{pod.namespace}.svc.cluster.local"


def _xds(
    kind: str, port: int, *, tls: bool, place: Callable[[Ground], Place | None] = lambda ground: OUTSIDER,
    own: bool = False, node: Callable[[Ground], str] | None = None,
) -> Callable[[Ground], list[Shot]]:  # fmt: skip
    def steps(ground: Ground) -> list[Shot]:
        where, id = place(ground), (node or (lambda ground: _node(ground, kind)))(ground)
        if where is None or not id or not ground.istiod:
            return []
        secured = dict(OWN, alpn=["h2"]) if own else {"sni": None, "alpn": ["h2"]} if tls else None
        call = {"path": _ADS, "authority": "istiod.istio-system.svc", "message": discovery(id)}
        said = f"XDS, the clusters of {id}"
        return [raw(where, ground.istiod, port, tls=secured, said=said, grpc=call, keep=20000)]

    return steps


def _past(ground: Ground) -> Place | None:
    return ground.past(ground.target) if ground.target else None


def _own_router(ground: Ground) -> str:
    """This pod's own namespace, but not its own kind."""
    target = ground.target
    if target is None:
        return ""
    home = target.caller.namespace.name
    return f"router~10.0.0.1~meshops-attack.{home}~{home}.svc.cluster.local"


def _istiod(port: int, *paths: str, tls: bool = False) -> Callable[[Ground], list[Shot]]:
    secured = {"sni": None} if tls else None
    return lambda ground: [get(OUTSIDER, ground.istiod, port, path, tls=secured) for path in paths if ground.istiod]


def _inject(ground: Ground) -> list[Shot]:
    if not ground.istiod:
        return []
    pod = '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"default"},"spec":{"containers":[]}}'
    review = (
        '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","kind":{"version":"v1",'
        f'"kind":"Pod"}},"operation":"CREATE","namespace":"default","object":{pod}}}}}'
    )
    kind = (("Content-Type", "application/json"),)
    return [get(OUTSIDER, ground.istiod, 15017, "/inject", method="POST", body=review, headers=kind, tls={"sni": None})]


def _row(
    number: int, name: str, tries: str, must: str, wall: Wall, steps: Callable[[Ground], list[Shot]],
    position: Position = "outsider", judge: judging.Judge = judging.no_bytes, severity: str = "high",
    reads_only: bool = True,
) -> Attempt:  # fmt: skip
    return attempt(
        f"MA{number}", position=position, name=name, tries=tries, must=must, wall=wall, steps=steps, judge=judge,
        severity="critical" if severity == "critical" else "high" if severity == "high" else "medium",
        reads_only=reads_only,
    )  # fmt: skip


_CLOSED = "Nothing but refusals comes back."
ATTEMPTS: tuple[Attempt, ...] = (
    *(
        _row(number, f"15090, climbing by {how}", f"Asks every proxy's metrics port for {path}.", _CLOSED, "sidecar",
             climb(path), severity="critical")
        for number, how, path in CLIMBS
    ),
    _row(208, "15090, changing a proxy", "POSTs healthcheck/ok to every proxy's admin by its metrics port.", _CLOSED,
         "sidecar", climb(f"{_METRICS}/../../healthcheck/ok", method="POST"), severity="critical", reads_only=False),
    _row(209, "15090, a proxy's log levels", "POSTs logging to every proxy's admin by its metrics port.", _CLOSED,
         "sidecar", climb(f"{_METRICS}/../../logging", method="POST"), severity="critical", reads_only=False),
    _row(210, "Admin ports, from an application", "Asks another application's 15090, 15000 and 15020 through the own "
         "sidecar.", _CLOSED, "sidecar", _from_neighbour, "neighbour", severity="critical"),
    _row(211, "The own sidecar's admin", "Asks 127.0.0.1:15000 for the own proxy's configuration.", _CLOSED, "sidecar",
         _own_admin, "neighbour", severity="medium"),
    _row(220, "XDS in plaintext", "Asks istiod's 15010 for another workload's clusters.", "No message comes back.",
         "control plane", _xds("sidecar", 15010, tls=False), judge=judging.no_grpc_message),
    _row(221, "XDS in plaintext, as the gateway", "Asks istiod's 15010 for the gateway's clusters.",
         "No message comes back.", "control plane", _xds("router", 15010, tls=False), judge=judging.no_grpc_message),
    _row(222, "XDS over TLS, nobody", "Asks istiod's 15012 for another workload's clusters, without certificate or "
         "token.", "No message comes back.", "control plane", _xds("sidecar", 15012, tls=True),
         judge=judging.no_grpc_message),
    _row(223, "XDS of another namespace", "Asks 15012 for the gateway's clusters with the certificate of an "
         "application.", "No message comes back.", "control plane", _xds("router", 15012, tls=True, place=_past,
         own=True),
         "neighbour", judge=judging.no_grpc_message),
    _row(224, "XDS as a gateway of one's own", "Asks 15012 with an application's own certificate, and says it is a "
         "gateway of its namespace.", "No application's cluster comes back.", "control plane",
         _xds("router", 15012, tls=True, place=_past, own=True, node=_own_router), "neighbour",
         judge=judging.no_configuration, severity="medium"),
    _row(225, "istiod's debug interface, 15014", "Asks 15014 for /debug/configz, registryz, syncz and "
                                                 "endpointz.", _CLOSED,
         "control plane", _istiod(15014, "/debug/configz", "/debug/registryz", "/debug/syncz", "/debug/endpointz"),
         judge=judging.no_success),
    _row(226, "istiod's metrics", "Asks 15014 for /metrics and /version.", _CLOSED, "NetworkPolicy",
         _istiod(15014, "/metrics", "/version"), severity="medium"),
    _row(227, "istiod's debug interface, 8080", "Asks 8080 for /debug/configz, syncz, adsz and config_dump.", _CLOSED,
         "control plane", _istiod(8080, "/debug/configz", "/debug/syncz", "/debug/adsz", "/debug/config_dump"),
         judge=judging.no_success),
    _row(228, "istiod's readiness", "Asks 8080 for /ready.", _CLOSED, "NetworkPolicy", _istiod(8080, "/ready"),
         severity="medium"),
    _row(229, "istiod's profiles", "Asks 8080 and 15014 for Go's profiles.", _CLOSED, "control plane",
         lambda ground: [*_istiod(8080, "/debug/pprof/")(ground), *_istiod(15014, "/debug/pprof/cmdline")(ground)],
         judge=judging.no_success),
    _row(230, "istiod's ControlZ", "Asks 9876.", _CLOSED, "control plane", _istiod(9876, "/scopez", "/envz")),
    _row(231, "istiod's injection, by anybody", "Sends 15017 a review of a pod of one's own making, and reads the "
         "injected pod.", _CLOSED, "NetworkPolicy", _inject, judge=judging.no_success, severity="medium"),
)  # fmt: skip

"""What a plan's documents say about the mesh: its applications, who may call whom, what may leave it.

Read from the recorded objects, not from the settings: it shows what will hold, not what somebody asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from manifests.names import POD_IDENTITY_AGENT
from manifests.shadow import REFUSE_NOBODY, STRICT
from offline.objects import KubernetesObject

PLATFORM_NAMESPACES = frozenset(
    {
        "amazon-cloudwatch",
        "cert-manager",
        "default",
        "istio-ingress",
        "istio-system",
        "kube-system",
        "observability",
    }
)
GATEWAY = "gateway"
ANYONE = "anyone"
PLAINTEXT = "without identity (plaintext)"


@dataclass(frozen=True, kw_only=True)
class ApplicationFacts:
    """identity: its service account; replicas: None where another pipeline deploys it, the fewest of an autoscaler,
    which may make it most_replicas; hosts: public names."""

    namespace: str
    name: str
    identity: str | None = None
    replicas: int | None = None
    most_replicas: int | None = None
    port: int | None = None
    hosts: tuple[str, ...] = ()
    passthrough: bool = False

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class NamespaceFacts:
    name: str
    phase: Literal["outside", "permissive", "strict"]
    applications: tuple[ApplicationFacts, ...]


@dataclass(frozen=True, kw_only=True)
class CallFacts:
    """One allowed call. caller and callee: `namespace/name`, GATEWAY, ANYONE, PLAINTEXT or a whole principal.

    An empty tuple of methods or paths means any. policy: the AuthorizationPolicy that says so.
    """

    caller: str
    callee: str
    methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    policy: str = ""

    @property
    def label(self) -> str:
        """`GET /api/data`, or `any request`."""
        text = " ".join((", ".join(self.methods), ", ".join(self.paths))).strip()
        return text or "any request"


@dataclass(frozen=True, kw_only=True)
class EgressFacts:
    """application: None where no Sidecar of one application, but the namespace's, admits the host.

    host: or the network, where it is one.
    """

    namespace: str
    application: str | None
    host: str
    ports: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class OpeningFacts:
    """Private addresses that a NetworkPolicy opens to the pods of an application.

    past_sidecar: they are the node's Pod Identity agent's, which no sidecar is asked for.
    """

    namespace: str
    application: str
    networks: tuple[str, ...]
    ports: tuple[str, ...]
    past_sidecar: bool


@dataclass(frozen=True, kw_only=True)
class MeshFacts:
    mode: str
    """The mesh-wide PeerAuthentication's, or `not set`."""
    namespaces: tuple[NamespaceFacts, ...]
    calls: tuple[CallFacts, ...]
    egress: tuple[EgressFacts, ...]
    openings: tuple[OpeningFacts, ...] = ()

    @property
    def applications(self) -> tuple[ApplicationFacts, ...]:
        return tuple(application for namespace in self.namespaces for application in namespace.applications)


def mesh_facts(objects: Sequence[KubernetesObject]) -> MeshFacts:
    """Everything in the order of registration, names inside a namespace in the order of its workloads."""
    by_kind: dict[str, list[KubernetesObject]] = {}
    for item in objects:
        by_kind.setdefault(item.kind, []).append(item)
    modes = {
        item.namespace: item.at("spec", "mtls", "mode")
        for item in by_kind.get("PeerAuthentication", ())
        if not item.at("spec", "selector")
    }
    mode = modes.get("istio-system", "not set")
    applications = _applications(by_kind)
    namespaces = tuple(
        NamespaceFacts(
            name=item.name, phase=_phase(item, modes.get(item.name, mode)), applications=applications.get(item.name, ())
        )
        for item in by_kind.get("Namespace", ())
        if item.name not in PLATFORM_NAMESPACES
    )
    identities = {
        (application.namespace, application.identity): application
        for found in applications.values()
        for application in found
        if application.identity
    }
    # What is only tried out, and what stands in for it, is nobody's declared call.
    policies = [
        item
        for item in by_kind.get("AuthorizationPolicy", ())
        if not item.name.endswith(STRICT) and item.name != REFUSE_NOBODY
    ]
    calls = tuple(call for policy in policies for call in _calls(policy, identities))
    return MeshFacts(
        mode=mode,
        namespaces=namespaces,
        calls=calls,
        egress=tuple(_egress(by_kind)),
        openings=tuple(_openings(by_kind.get("NetworkPolicy", ()))),
    )


def _phase(namespace: KubernetesObject, mode: str) -> Literal["outside", "permissive", "strict"]:
    labels = namespace.at("metadata", "labels") or {}
    if "istio.io/rev" not in labels and labels.get("istio-injection") != "enabled":
        return "outside"
    return "strict" if mode == "STRICT" else "permissive"


def _applications(by_kind: Mapping[str, Sequence[KubernetesObject]]) -> dict[str, tuple[ApplicationFacts, ...]]:
    """Namespace -> its applications: by Deployment, or where another pipeline deploys them by their policies."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for kind in ("Deployment", "StatefulSet", "DaemonSet"):
        for item in by_kind.get(kind, ()):
            name = (item.at("spec", "selector", "matchLabels") or {}).get("app", item.name)
            found.setdefault(item.namespace or "", {})[name] = {
                "identity": item.at("spec", "template", "spec", "serviceAccountName"),
                "replicas": item.at("spec", "replicas"),
            }
    for item in by_kind.get("HorizontalPodAutoscaler", ()):
        name = item.at("spec", "scaleTargetRef", "name")
        if name in found.get(item.namespace or "", {}):
            found[item.namespace or ""][name]["most_replicas"] = item.at("spec", "maxReplicas")
    for kind, path in (
        ("Sidecar", ("workloadSelector", "labels")),
        ("AuthorizationPolicy", ("selector", "matchLabels")),
    ):
        for item in by_kind.get(kind, ()):
            name = (item.at("spec", *path) or {}).get("app")
            if name:
                found.setdefault(item.namespace or "", {}).setdefault(name, {})
    for item in by_kind.get("Service", ()):
        name = (item.at("spec", "selector") or {}).get("app")
        ports = item.at("spec", "ports") or ()
        if name in found.get(item.namespace or "", {}) and ports:
            found[item.namespace or ""][name]["port"] = ports[0].get("port")
    for item in by_kind.get("VirtualService", ()):
        for kind in ("http", "tls"):
            for host, port in _destinations(item.at("spec", kind) or ()):
                name, _, rest = host.partition(".")
                namespace = rest.partition(".")[0] or item.namespace or ""
                entry = found.setdefault(namespace, {}).setdefault(name, {})
                entry["hosts"] = tuple(dict.fromkeys((*entry.get("hosts", ()), *(item.at("spec", "hosts") or ()))))
                entry["passthrough"] = kind == "tls"
                entry.setdefault("port", port)
    return {
        namespace: tuple(ApplicationFacts(namespace=namespace, name=name, **entry) for name, entry in entries.items())
        for namespace, entries in found.items()
    }


def _destinations(routes: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, int | None]]:
    for route in routes:
        for target in route.get("route", ()):
            destination = target.get("destination", {})
            yield str(destination.get("host", "")), destination.get("port", {}).get("number")


def _calls(policy: KubernetesObject, identities: Mapping[tuple[str, str], ApplicationFacts]) -> Iterator[CallFacts]:
    if policy.at("spec", "action") not in (None, "ALLOW"):
        return
    namespace = policy.namespace or ""
    selected = policy.at("spec", "selector", "matchLabels") or {}
    if "app" in selected:
        callee = f"{namespace}/{selected['app']}"
    elif selected:
        callee = GATEWAY if selected.get("istio") == "ingressgateway" else f"{namespace}/({selected})"
    else:
        callee = "the whole mesh" if namespace == "istio-system" else f"{namespace}/*"
    for rule in policy.at("spec", "rules") or ():
        callers = [caller for source in rule.get("from", ({},)) for caller in _sources(source, identities)]
        names = tuple(value for when in rule.get("when", ()) for value in when.get("values", ()))
        for target in rule.get("to", ({},)):
            operation = target.get("operation", {})
            for caller in dict.fromkeys(callers):
                yield CallFacts(
                    caller=caller,
                    callee=callee,
                    methods=tuple(operation.get("methods", ())),
                    paths=tuple(operation.get("paths", ())),
                    ports=tuple(operation.get("ports", ())),
                    hosts=(*(host for host in operation.get("hosts", ()) if not host.endswith(":*")), *names),
                    policy=f"{namespace}/{policy.name}",
                )


def _sources(entry: Mapping[str, Any], identities: Mapping[tuple[str, str], ApplicationFacts]) -> Iterator[str]:
    source = entry.get("source", {})
    if source.get("notPrincipals") == ["*"]:
        yield PLAINTEXT
        return
    principals = source.get("principals", ())
    for principal in principals:
        parts = principal.split("/")
        if len(parts) == 5 and parts[1] == "ns" and parts[3] == "sa":
            if parts[2] == "istio-ingress":
                yield GATEWAY
                continue
            known = identities.get((parts[2], parts[4]))
            yield known.key if known else f"{parts[2]}/{parts[4].removesuffix('-sa')}"
        else:
            yield principal
    for namespace in source.get("namespaces", ()):
        yield f"{namespace}/*"
    if not principals and not source.get("namespaces"):
        yield ANYONE


def _egress(by_kind: Mapping[str, Sequence[KubernetesObject]]) -> Iterator[EgressFacts]:
    """Each external host with the applications whose Sidecar admits it."""
    admitted: dict[tuple[str, str], list[str]] = {}
    for item in by_kind.get("Sidecar", ()):
        name = (item.at("spec", "workloadSelector", "labels") or {}).get("app")
        for egress in item.at("spec", "egress") or ():
            for host in egress.get("hosts", ()):
                if name:
                    admitted.setdefault((item.namespace or "", host.partition("/")[2]), []).append(name)
    for item in by_kind.get("ServiceEntry", ()):
        if item.at("spec", "location") == "MESH_INTERNAL":
            continue
        ports = tuple(f"{port.get('protocol')} {port.get('number')}" for port in item.at("spec", "ports") or ())
        for host in item.at("spec", "hosts") or ():
            shown = ", ".join(item.at("spec", "addresses") or ()) or host
            for name in admitted.get((item.namespace or "", host)) or (None,):
                yield EgressFacts(namespace=item.namespace or "", application=name, host=shown, ports=ports)


def _openings(policies: Iterable[KubernetesObject]) -> Iterator[OpeningFacts]:
    """Of NetworkPolicies of applications: the networks that are not the internet less what is private."""
    for item in policies:
        name = (item.at("spec", "podSelector", "matchLabels") or {}).get("app")
        if not name or item.namespace in PLATFORM_NAMESPACES:
            continue
        for rule in item.at("spec", "egress") or ():
            blocks = [peer["ipBlock"] for peer in rule.get("to", ()) if "ipBlock" in peer]
            networks = tuple(str(block["cidr"]) for block in blocks if not block.get("except"))
            if networks:
                ports = tuple(f"{port.get('protocol')} {port.get('port')}" for port in rule.get("ports", ()))
                yield OpeningFacts(
                    namespace=item.namespace or "",
                    application=name,
                    networks=networks,
                    ports=ports,
                    past_sidecar=networks == (POD_IDENTITY_AGENT,),
                )

"""What may leave a pod: its Sidecar names what it may call, a ServiceEntry each external host, all else is unknown.

REGISTRY_ONLY is not a firewall: a process that goes past its proxy is not stopped by it. The NetworkPolicies are the
second wall.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from configuration.applications import Application, Namespace
from configuration.leaving.egress import Egress
from manifests.document import Document, document
from manifests.mesh_graph import Member, MeshGraph
from manifests.mesh_policies import destination_rule
from manifests.names import COLLECTOR_HOST, DNS_HOST, KUBE_SYSTEM, OBSERVABILITY, registry_host


def namespace_sidecar(namespace: Namespace, *, tracing: bool) -> Document:
    """The namespace's default, for pods that are none of the declared applications': nothing but the platform.

    A pod chooses its labels. With what the namespace's applications may call, together, one without a label would
    have more than each of them.
    """
    return _sidecar("default", namespace, [], selector=None, tracing=tracing)


def application_sidecar(member: Member, *, graph: MeshGraph, tracing: bool) -> Document:
    """Exactly what this application declares that it calls."""
    hosts = sorted(set(_declared_hosts(member.namespace, member.application, graph)))
    return _sidecar(member.name, member.namespace, hosts, selector=member.name, tracing=tracing)


def _declared_hosts(namespace: Namespace, application: Application, graph: MeshGraph) -> Iterable[str]:
    for callee in graph.callees(namespace.name, application.name):
        home = "." if callee.namespace.name == namespace.name else callee.namespace.name
        yield f"{home}/{callee.host}"
    for egress in application.egress:
        yield f"./{registry_host(egress)}"


def _sidecar(name: str, namespace: Namespace, hosts: list[str], *, selector: str | None, tracing: bool) -> Document:
    # A query over UDP passes the sidecar by; one over TCP, after an answer that was too long, does not.
    dns = f"{KUBE_SYSTEM}/{DNS_HOST}"
    # Not istio-system/*: a proxy's own agent asks istiod directly, and no application has anything to ask there.
    platform = [dns, *([f"{OBSERVABILITY}/{COLLECTOR_HOST}"] if tracing else [])]
    return document(
        "networking.istio.io/v1",
        "Sidecar",
        name,
        namespace=namespace.name,
        spec={
            **({"workloadSelector": {"labels": {"app": selector}}} if selector else {}),
            "egress": [{"hosts": [*hosts, *platform]}],
            # Said again here: a Sidecar without it would take the mesh's, which somebody may loosen.
            "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"},
        },
    )


def service_entries(namespace: Namespace) -> dict[str, tuple[Document, ...]]:
    """By host in the registry, of what any application of the namespace declares: its ServiceEntry, visible in it only.

    Applications that declare the same host share it, with all ports; which of them may use it is their Sidecar's.
    The mesh-wide `*.local` rule does not reach these hosts, and for MESH_EXTERNAL Istio adds no mutual TLS by itself.
    A host whose own name ends in `.local` is the exception: it gets a rule that says so.
    """
    by_host: defaultdict[str, dict[int, Egress]] = defaultdict(dict)
    for application in namespace.applications:
        for egress in application.egress:
            by_host[registry_host(egress)][egress.called_port] = egress
    documents: dict[str, tuple[Document, ...]] = {}
    for host in sorted(by_host):
        documents[host] = (_service_entry(host, by_host[host], namespace),)
        if any(egress.originate for egress in by_host[host].values()):
            documents[host] += (_originated_tls(host, namespace),)
        elif host.endswith(".local"):
            documents[host] += (destination_rule(host, host, "DISABLE", namespace=namespace.name),)
    return documents


def _service_entry(host: str, by_port: dict[int, Egress], namespace: Namespace) -> Document:
    cidr = next(iter(by_port.values())).cidr
    return document(
        "networking.istio.io/v1",
        "ServiceEntry",
        host,
        namespace=namespace.name,
        spec={
            "hosts": [host],
            **({"addresses": [str(cidr)]} if cidr else {}),
            "ports": [
                {"number": port, "name": f"http-{port}", "protocol": "HTTP", "targetPort": egress.port}
                if egress.originate
                else {"number": port, "name": f"{egress.protocol.lower()}-{port}", "protocol": egress.protocol}
                for port, egress in sorted(by_port.items())
            ],
            "location": "MESH_EXTERNAL",
            # A network is no host to resolve: the connection goes on to the address that the application chose in it.
            # With DNS istiod takes no network (istio pkg/config/validation/validation.go).
            "resolution": "NONE" if cidr else "DNS",
            "exportTo": ["."],
        },
    )


def _originated_tls(host: str, namespace: Namespace) -> Document:
    """The sidecar's own TLS to an external host: its name in the handshake and on the certificate, the image's CAs.

    What the application sends is then HTTP with a Host, and REGISTRY_ONLY knows no other host than the declared ones.
    """
    tls = {"mode": "SIMPLE", "sni": host, "subjectAltNames": [host], "caCertificates": "system"}
    return document(
        "networking.istio.io/v1",
        "DestinationRule",
        host,
        namespace=namespace.name,
        spec={"host": host, "trafficPolicy": {"tls": tls}, "exportTo": ["."]},
    )

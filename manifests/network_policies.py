"""The same calls at layer 4, enforced by the VPC CNI on the node: what a process cannot go around.

A NetworkPolicy does not see the node's own kubelet, so probes (15020, 15021) need no rule. It knows addresses and
labels only: an external host is a port on any public address, or on any of the private networks in which it is said to
stand, and which host that is, the sidecar decides.
"""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

from configuration.applications import Namespace
from manifests.document import Document, document
from manifests.mesh_graph import Member, MeshGraph
from manifests.names import (
    COLLECTOR,
    GATEWAY_SELECTOR,
    ISTIO_INGRESS,
    ISTIO_SYSTEM,
    OBSERVABILITY,
    OTLP_GRPC_PORT,
    OTLP_HTTP_PORT,
    POD_IDENTITY_AGENT,
    POD_IDENTITY_PORT,
)
from manifests.network_rules import dns, pods, port

_ISTIOD_PORT = 15012  # certificates and configuration, over TLS

# RFC 1918, RFC 6598 and link-local (IMDS): a public host is on none of them.
_PRIVATE_RANGES = ("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")


def namespace_network_policies(namespace: Namespace, *, tracing: bool) -> tuple[Document, ...]:
    """Nothing in, nothing out; but what every sidecar needs: names, istiod, the collector."""
    egress = [
        dns(),
        {"to": [pods({"app": "istiod"}, namespace=ISTIO_SYSTEM)], "ports": [port(_ISTIOD_PORT)]},
    ]
    if tracing:
        ports = [port(OTLP_GRPC_PORT), port(OTLP_HTTP_PORT)]
        egress.append({"to": [pods({"app": COLLECTOR}, namespace=OBSERVABILITY)], "ports": ports})
    return (
        _policy("default-deny", namespace, {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}),
        _policy("allow-platform", namespace, {"podSelector": {}, "policyTypes": ["Egress"], "egress": egress}),
    )


def application_network_policy(member: Member, graph: MeshGraph) -> Document | None:
    """What the application's callers, callees and external hosts are, said in pods and ports.

    None for an application that nobody calls and that calls nobody: the namespace's own policies say so already.
    """
    application, namespace = member.application, member.namespace
    spec: dict[str, Any] = {"podSelector": {"matchLabels": {"app": application.name}}, "policyTypes": []}
    ingress = _ingress(member, graph)
    if ingress:
        spec["policyTypes"].append("Ingress")
        spec["ingress"] = ingress
    egress = _egress(member, graph)
    if egress:
        spec["policyTypes"].append("Egress")
        spec["egress"] = egress
    return _policy(application.name, namespace, spec) if ingress or egress else None


def _ingress(member: Member, graph: MeshGraph) -> list[dict[str, Any]]:
    application = member.application
    if member.namespace.shadowed:
        # Whom the policies would refuse must reach the sidecar, or nobody would see it.
        return [{"ports": [port(application.port)]}] if application.port else []
    peers = [pods(GATEWAY_SELECTOR, namespace=ISTIO_INGRESS)] if application.hosts else []
    callers = (grant.caller for grant in graph.grants(member.namespace.name, application.name))
    peers += [
        pods({"app": name}, namespace=namespace)
        for namespace, name in dict.fromkeys((caller.namespace.name, caller.name) for caller in callers)
    ]
    return [{"from": peers, "ports": [port(application.port)]}] if peers else []


def _egress(member: Member, graph: MeshGraph) -> list[dict[str, Any]]:
    rules = [
        {"to": [pods({"app": callee.name}, namespace=callee.namespace.name)], "ports": [port(callee.application.port)]}
        for callee in graph.callees(member.namespace.name, member.name)
    ]
    return [*rules, *_external(member, graph)]


def _external(member: Member, graph: MeshGraph) -> list[dict[str, Any]]:
    """What is outside the mesh, by where it stands: each network with the ports that are called in it."""
    # Without a network it is the internet, which comes first.
    ports: dict[tuple[IPv4Network, ...], set[int]] = {}
    for egress in member.application.egress:
        place = egress.private_networks
        if not place and graph.endpoints.answer_for(egress.host, egress.port):
            # Pods have addresses in these subnets as well; what they let in, their own policies say.
            place = graph.endpoints.subnets
        ports.setdefault(place, set()).add(egress.port)
    public = {"ipBlock": {"cidr": "0.0.0.0/0", "except": list(_PRIVATE_RANGES)}}
    rules = [
        {
            "to": [{"ipBlock": {"cidr": str(network)}} for network in place] if place else [public],
            "ports": [port(number) for number in sorted(ports[place])],
        }
        for place in sorted(ports)
    ]
    if member.application.aws_policy:
        # Nothing else on the node's own addresses: 169.254.169.254 has the credentials of the node itself.
        rules.append({"to": [{"ipBlock": {"cidr": POD_IDENTITY_AGENT}}], "ports": [port(POD_IDENTITY_PORT)]})
    return rules


def _policy(name: str, namespace: Namespace, spec: dict[str, Any]) -> Document:
    return document("networking.k8s.io/v1", "NetworkPolicy", name, namespace=namespace.name, spec=spec)

"""How an application is reached: its VirtualService on the shared gateway, and its DestinationRule."""

from __future__ import annotations

from typing import Any

from configuration.applications import Application
from manifests.document import Document, document
from manifests.mesh_graph import Member, MeshGraph
from manifests.mesh_policies import destination_rule
from manifests.names import GATEWAY_REF, PASSTHROUGH_PORT


def virtual_service(member: Member) -> Document | None:
    """The route from the gateway; None without public hosts. It does not apply inside the mesh."""
    application = member.application
    if not application.hosts:
        return None
    route = [{"destination": {"host": member.host, "port": {"number": application.called_port}}}]
    spec: dict[str, Any] = {"hosts": list(application.hosts), "gateways": [GATEWAY_REF]}
    if application.tls == "passthrough":
        match = [{"port": PASSTHROUGH_PORT, "sniHosts": list(application.hosts)}]
        spec["tls"] = [{"match": match, "route": route}]
    else:
        spec["http"] = [{"name": application.name, "route": route, **_retries(application)}]
    return document(
        "networking.istio.io/v1", "VirtualService", application.name, namespace=member.namespace.name, spec=spec
    )


def _retries(application: Application) -> dict[str, Any]:
    """A sticky application's requests that found a dead pod go to another one, as everyone else's do.

    By itself Istio tries the same pod again there, until that is no endpoint any more: DefaultConsistentHashPolicy in
    https://github.com/istio/istio/blob/master/pilot/pkg/networking/core/route/retry/retry.go. Attempts are its default.
    """
    if application.stickiness is None:
        return {}
    return {"retries": {"attempts": 2, "retryIgnorePreviousHosts": True}}


def calls_in_plaintext(member: Member, graph: MeshGraph) -> bool:
    """Whether its callers must not use mutual TLS: outside the mesh, or exempt by `mesh.plaintextServices`.

    The latter is for a workload that another pipeline deploys, until that pipeline has restarted its pods with a
    sidecar.
    """
    return not member.namespace.in_mesh or member.host in graph.plaintext_hosts


def application_destination_rule(member: Member, graph: MeshGraph) -> Document | None:
    """Its own rule, which hides the mesh-wide ones: so it always says the TLS mode. None without a port.

    ISTIO_MUTUAL, except where its pods have no sidecar (DISABLE). It is kept outside the mesh too: a rule that was
    only deleted there would go at the end of an update, long after the sidecars it speaks to.

    It names the identities that may answer. Without them a client takes whatever service accounts istiod finds behind
    the Service, and any pod with the application's label is behind it.
    """
    application = member.application
    if application.port is None:
        return None
    mode = "DISABLE" if calls_in_plaintext(member, graph) else "ISTIO_MUTUAL"
    hashing = _consistent_hash(application)
    return destination_rule(
        application.name,
        member.host,
        mode,
        namespace=member.namespace.name,
        identities=graph.principals(member),
        **({"loadBalancer": {"consistentHash": hashing}} if hashing else {}),
    )


def _consistent_hash(application: Application) -> dict[str, Any] | None:
    stickiness = application.stickiness
    if stickiness is None:
        return None
    if stickiness.cookie:
        # 0s makes a cookie of the browser's session. The path: one affinity for the whole site.
        return {"httpCookie": {"name": stickiness.cookie, "path": "/", "ttl": f"{stickiness.cookie_ttl_seconds}s"}}
    return {"httpHeaderName": stickiness.header}

"""Who may call whom, by identity: the AuthorizationPolicies of a namespace and of each application in it."""

from __future__ import annotations

from typing import Any

from configuration.applications import Application, Namespace
from manifests.document import Document, document
from manifests.mesh_graph import Grant, Member, MeshGraph
from manifests.names import PUBLIC_PORT, gateway_principal

# Of the methods that a request from outside may have. Not TRACE, which shows a request's own headers to whoever made
# it send them, nor CONNECT, which asks for a tunnel.
PUBLIC_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


DRY_RUN = "istio.io/dry-run"
"""istiod makes shadow rules of a policy with this annotation: Envoy judges each request by them, says so in the
request's metadata and lets it pass. Alpha; ALLOW and DENY only.
https://istio.io/latest/docs/tasks/security/authorization/authz-dry-run/; pilot/pkg/security/authz/builder/builder.go"""


def namespace_authorization(namespace: Namespace) -> Document:
    """Nobody. Every exception is in the policy of the one application that it is for, gateway and callers alike.

    Istio takes a request when any ALLOW policy matches it: one for the whole namespace would open its private
    applications with its public ones. Health checks need none: the kubelet's probes go to the sidecar's port 15020,
    which is not captured and meets no policy.
    """
    return in_force_or_tried(namespace, _policy("deny-all", namespace, {}))


def application_authorization(member: Member, graph: MeshGraph, *, identified: bool = False) -> Document | None:
    """One policy per application that listens: a rule for each declared caller.

    Without callers it has no rules and matches nobody: written down all the same, so that each application's policy
    is where one looks for it. None for an application without a port.

    identified: of its callers only those that have an identity.
    """
    application, namespace = member.application, member.namespace
    if application.port is None:
        return None
    rules = [
        _grant_rule(grant, member, graph)
        for grant in graph.grants(namespace.name, application.name)
        if grant.caller.namespace.in_mesh or not identified
    ]
    if application.hosts:
        # Through the gateway anybody may come; but for these hosts, and to this port only: a route that leads another
        # host's requests here is refused here.
        rules.insert(0, _rule(_sources([gateway_principal(graph.trust_domain)], namespace), _public(application)))
    spec: dict[str, Any] = {"selector": {"matchLabels": {"app": application.name}}, "action": "ALLOW"}
    if rules:
        spec["rules"] = rules
    return in_force_or_tried(namespace, _policy(application.name, namespace, spec))


def in_force_or_tried(namespace: Namespace, policy: Document) -> Document:
    """The policy; in a namespace whose policies are tried out, as one that Envoy judges and does not enforce."""
    if namespace.refuses_nobody:
        policy["metadata"]["annotations"] = {DRY_RUN: "true"}
    return policy


def accepts_plaintext(namespace: Namespace) -> bool:
    """Whether its pods may be called without an identity: in phase permissive, and outside the mesh in any case.

    While a namespace moves into the mesh or out of it, its declared callers and the gateway reach some of its pods
    in plaintext for as long as a rollout takes; a policy that knew principals only would answer them 403. What stands
    in for the identity meanwhile is the NetworkPolicy, which admits the same callers' pods and no others.
    """
    return namespace.phase != "strict"


def host_matches(hosts: tuple[str, ...]) -> list[str]:
    """As an AuthorizationPolicy must spell them: a Host header may carry a port, and the match is on all of it.

    The one port on which load balancers listen. `host:*` would match whatever follows the colon.
    """
    return [match for host in hosts for match in (host, f"{host}:{PUBLIC_PORT}")]


def _sources(principals: list[str], callee: Namespace) -> list[dict[str, Any]]:
    """The `from` of a rule: these identities, and in phase permissive also whoever shows none at all.

    Never an identity that is not named: a pod with a sidecar shows its own.
    """
    found: list[dict[str, Any]] = []
    if principals:
        found.append({"source": {"principals": principals}})
    if accepts_plaintext(callee):
        found.append({"source": {"notPrincipals": ["*"]}})
    return found


def _grant_rule(grant: Grant, callee: Member, graph: MeshGraph) -> dict[str, Any]:
    # A caller outside the mesh has an identity too: as long as its last pod with a sidecar answers, and from its first
    # one on.
    principals = list(graph.principals(grant.caller))
    operation = _ports(callee.application)
    if grant.declared.methods:
        operation["methods"] = list(grant.declared.methods)
    if grant.declared.paths:
        operation["paths"] = list(grant.declared.paths)
    return _rule(_sources(principals, callee.namespace), operation)


def _rule(sources: list[dict[str, Any]], operation: dict[str, Any]) -> dict[str, Any]:
    return {"from": sources, "to": [{"operation": operation}]}


def _ports(application: Application) -> dict[str, Any]:
    # The one attribute that opaque TCP has as well: a rule with methods, paths or hosts never matches there.
    return {"ports": [str(application.port)]}


def _public(application: Application) -> dict[str, Any]:
    """What the gateway may ask of it. TLS that it passes through has no Host header: it has matched the server name."""
    if application.tls == "passthrough":
        return _ports(application)
    return {**_ports(application), "hosts": host_matches(application.hosts), "methods": list(PUBLIC_METHODS)}


def _policy(name: str, namespace: Namespace, spec: dict[str, Any]) -> Document:
    return document("security.istio.io/v1", "AuthorizationPolicy", name, namespace=namespace.name, spec=spec)

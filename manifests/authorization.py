"""Who may call whom, by identity: the AuthorizationPolicies of a namespace and of each application in it."""

from __future__ import annotations

from typing import Any

from configuration.applications import Application, Namespace
from manifests.document import Document, document
from manifests.gateway import terminated_hosts
from manifests.mesh_graph import Grant, Member, MeshGraph
from manifests.names import gateway_principal


def namespace_authorization(namespace: Namespace, trust_domain: str) -> tuple[Document, ...]:
    """Nobody; but the gateway, for the namespace's public hosts; but the gateway, for health checks.

    Each further caller is in its application's own policy: Istio takes a request when any ALLOW policy matches it.
    """
    policies = [_policy("deny-all", namespace, {})]
    hosts = terminated_hosts((namespace,))
    if hosts:
        rule = {
            "from": [{"source": {"principals": [gateway_principal(trust_domain)]}}],
            "to": [{"operation": {"hosts": host_matches(hosts)}}],
        }
        policies.append(_policy("allow-ingress-gateway", namespace, {"action": "ALLOW", "rules": [rule]}))
    paths = _probe_paths(namespace)
    if paths:
        # The kubelet's own probes never meet a policy: they go to the sidecar's port 15020, which is not captured.
        # This is for checks that come through the gateway; without its `from` it would open the paths to every
        # identity of the mesh.
        rule = {
            "from": [{"source": {"principals": [gateway_principal(trust_domain)]}}],
            "to": [{"operation": {"methods": ["GET"], "paths": paths}}],
        }
        policies.append(_policy("allow-health-checks", namespace, {"action": "ALLOW", "rules": [rule]}))
    return tuple(policies)


def application_authorization(member: Member, graph: MeshGraph) -> Document | None:
    """One policy per application that listens: a rule for each declared caller.

    Without callers it has no rules and matches nobody: written down all the same, so that each application's policy
    is where one looks for it. None for an application without a port.
    """
    application, namespace = member.application, member.namespace
    if application.port is None:
        return None
    rules = [_grant_rule(grant, member, graph) for grant in graph.grants(namespace.name, application.name)]
    if application.tls == "passthrough":
        # The gateway forwards bytes: there is no Host header for `allow-ingress-gateway` to match.
        rules.insert(0, _rule(_sources([gateway_principal(graph.trust_domain)], namespace), _ports(application)))
    elif application.hosts and accepts_plaintext(namespace):
        # The gateway, while it calls in plaintext. Not in `allow-ingress-gateway`: without an identity, its hosts
        # must not open the namespace's other applications.
        operation = {**_ports(application), "hosts": host_matches(application.hosts)}
        rules.insert(0, _rule(_sources([], namespace), operation))
    spec: dict[str, Any] = {"selector": {"matchLabels": {"app": application.name}}, "action": "ALLOW"}
    if rules:
        spec["rules"] = rules
    return _policy(application.name, namespace, spec)


def accepts_plaintext(namespace: Namespace) -> bool:
    """Whether its pods may be called without an identity: in phase permissive, and only in it.

    While a namespace moves into the mesh or out of it, its declared callers and the gateway reach some of its pods
    in plaintext for as long as a rollout takes; a policy that knew principals only would answer them 403. What stands
    in for the identity meanwhile is the NetworkPolicy, which admits the same callers' pods and no others.
    """
    return namespace.phase == "permissive"


def host_matches(hosts: tuple[str, ...]) -> list[str]:
    """As an AuthorizationPolicy must spell them: a Host header may carry a port, and the match is on all of it."""
    return [match for host in hosts for match in (host, f"{host}:*")]


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
    # A caller outside the mesh has no identity; the settings admit it only while the callee takes plaintext.
    principals = [graph.principal(grant.caller)] if grant.caller.namespace.in_mesh else []
    operation = _ports(callee.application)
    if grant.declared.methods:
        operation["methods"] = list(grant.declared.methods)
    if grant.declared.paths:
        operation["paths"] = list(grant.declared.paths)
    return _rule(_sources(principals, callee.namespace), operation)


def _rule(sources: list[dict[str, Any]], operation: dict[str, Any]) -> dict[str, Any]:
    if not sources:
        # An absent `from` would let everyone in. The settings exclude this (an outside caller of a strict callee).
        raise ValueError("a rule must name who may call")
    return {"from": sources, "to": [{"operation": operation}]}


def _ports(application: Application) -> dict[str, Any]:
    # The one attribute that opaque TCP has as well: a rule with methods, paths or hosts never matches there.
    return {"ports": [str(application.port)]}


def _probe_paths(namespace: Namespace) -> list[str]:
    """The exact probe paths of the applications that speak HTTP."""
    return sorted(
        {
            path
            for application in namespace.applications
            if application.port is not None and application.protocol == "http" and application.tls == "terminate"
            for path in (application.readiness_path, application.liveness_path)
        }
    )


def _policy(name: str, namespace: Namespace, spec: dict[str, Any]) -> Document:
    return document("security.istio.io/v1", "AuthorizationPolicy", name, namespace=namespace.name, spec=spec)

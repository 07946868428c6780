"""The user's token: what a sidecar takes for one, and the refusal of every request that needs one and has none.

A RequestAuthentication alone lets a request without a token through (Istio, security/request_authentication.proto), so
a DENY policy stands beside it. DENY, because it wins over every ALLOW: no other policy of the namespace, and none that
is added later, lets such a request in; and because Istio drops from a DENY what it cannot translate, which refuses
more and never less.
"""

from __future__ import annotations

from typing import Any

from configuration.authentication import Authentication, TokenIssuer
from manifests.authorization import accepts_plaintext, in_force_or_tried
from manifests.document import Document, document
from manifests.mesh_graph import Member, MeshGraph


def authentication_policy_name(application: str) -> str:
    """Of its AuthorizationPolicy about tokens. With a dot, so that no application's own policy can have this name."""
    return f"{application}.authentication"


def authentication_documents(member: Member, graph: MeshGraph) -> tuple[Document, ...]:
    """Its RequestAuthentication and its DENY; nothing for an application that asks for no token."""
    authentication = member.application.authentication
    if authentication is None:
        return ()
    selector = {"matchLabels": {"app": member.name}}
    jwt_rules = [_jwt_rule(authentication, issuer) for issuer in authentication.issuers]
    demand = document(
        "security.istio.io/v1",
        "AuthorizationPolicy",
        authentication_policy_name(member.name),
        namespace=member.namespace.name,
        spec={"selector": selector, "action": "DENY", "rules": _refusals(authentication, member, graph)},
    )
    return (
        document(
            "security.istio.io/v1",
            "RequestAuthentication",
            member.name,
            namespace=member.namespace.name,
            spec={
                "selector": selector,
                "jwtRules": jwt_rules,
            },
        ),
        in_force_or_tried(member.namespace, demand),
    )


def _jwt_rule(authentication: Authentication, issuer: TokenIssuer) -> dict[str, Any]:
    sources = authentication.token_sources
    rule: dict[str, Any] = {
        "issuer": issuer.issuer,
        # Given, never looked up: without it istiod would ask the issuer where its keys are, and go wherever it says.
        "jwksUri": issuer.jwks_uri,
        "audiences": list(issuer.audiences),
        "forwardOriginalToken": authentication.forward_original_token,
    }
    # Always said: with no source at all Envoy also takes the query parameter `access_token`.
    headers = [
        {"name": source.header, **({"prefix": source.prefix} if source.prefix else {})}
        for source in sources
        if source.header
    ]
    for key, values in (
        ("fromHeaders", headers),
        ("fromCookies", [source.cookie for source in sources if source.cookie]),
        ("fromParams", [source.query for source in sources if source.query]),
        ("outputClaimToHeaders", [{"header": to.header, "claim": to.claim} for to in authentication.claim_headers]),
    ):
        if values:
            rule[key] = values
    return rule


def _refusals(authentication: Authentication, member: Member, graph: MeshGraph) -> list[dict[str, Any]]:
    """Whoever is no declared caller and shows no token of an issuer with a subject; or one that lacks a claim."""
    rules = []
    anyone = [_principals(issuer) for issuer in authentication.issuers]
    for source, operation in _users(authentication, member, graph):
        rules.append(_rule({**source, "notRequestPrincipals": anyone}, operation))
        for issuer in authentication.issuers:
            for claim in issuer.claims:
                key = f"request.auth.claims{''.join(f'[{name}]' for name in claim.path)}"
                rule = _rule({**source, "requestPrincipals": [_principals(issuer)]}, operation)
                rules.append({**rule, "when": [{"key": key, "notValues": list(claim.values)}]})
    return rules


def _users(
    authentication: Authentication, member: Member, graph: MeshGraph
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The source and the operation of each kind of request that comes from a user: all but the declared callers'."""
    namespace, application = member.namespace, member.application
    callers = [graph.principal(grant.caller) for grant in graph.grants(namespace.name, application.name)]
    # With its port: without one Istio would refuse all TCP of the pod as well, and say so in a warning.
    operation: dict[str, Any] = {"ports": [str(application.port)]}
    if authentication.except_paths:
        operation["notPaths"] = list(authentication.except_paths)
    if not (accepts_plaintext(namespace) and application.callers):
        return [({"notPrincipals": sorted(set(callers))} if callers else {}, operation)]
    # In phase permissive a caller and the gateway may both show no identity. What tells them apart is the host: the
    # gateway's requests carry a public one, and it sends here no other.
    # A refusal takes every port that the header may name; what lets in (`host_matches`) takes one.
    public = [match for host in application.hosts for match in (host, f"{host}:*")]
    known: dict[str, Any] = {"principals": ["*"], **({"notPrincipals": sorted(set(callers))} if callers else {})}
    return [
        (known, operation),
        ({"notPrincipals": ["*"]}, {**operation, "hosts": public}),
    ]


def _principals(issuer: TokenIssuer) -> str:
    """`<iss>/<sub>` with any subject: Istio takes what stands behind the last slash for the subject, and asks for one
    character at least (pilot/pkg/security/authz/model/generator.go)."""
    return f"{issuer.issuer}/*"


def _rule(source: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    return {"from": [{"source": source}], "to": [{"operation": operation}]}

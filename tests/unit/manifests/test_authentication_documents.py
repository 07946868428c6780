"""What a sidecar takes for a user's token, and whom it refuses for want of one."""

from __future__ import annotations

import dataclasses
import ipaddress
from ipaddress import IPv4Network
from typing import Any

from configuration.applications import Application, Caller, Namespace, Phase
from configuration.authentication import Authentication, ClaimHeader, RequiredClaim, TokenIssuer, TokenSource
from manifests.application import application_documents
from manifests.authentication import authentication_documents
from manifests.document import Document
from manifests.images import Images
from manifests.issuer_networks import blocked_networks
from tests.unit.mesh_stack import graph, member

_ISSUER = TokenIssuer(
    issuer="https://login.example.com/realm", jwks_uri="https://keys.example.com/realm", audiences=("shop",)
)
_ANYONE = "https://login.example.com/realm/*"
_BATCH = "cluster.local/ns/shop/sa/batch-sa"


def shop(authentication: Authentication | None, *callers: Caller, phase: Phase = "strict") -> Namespace:
    ui = Application(
        name="ui",
        image="ui:1",
        port=8080,
        hosts=("ui.example.com",),
        callers=callers,
        authentication=authentication,
    )
    batch = Application(name="batch", image="batch:1")
    return Namespace(name="shop", phase=phase, applications=(ui, batch))


def documents(authentication: Authentication | None, *callers: Caller, phase: Phase = "strict") -> tuple[Document, ...]:
    home = shop(authentication, *callers, phase=phase)
    return authentication_documents(member(home, "ui"), graph(home))


def rules(authentication: Authentication, *callers: Caller, phase: Phase = "strict") -> list[dict[str, Any]]:
    _, denial = documents(authentication, *callers, phase=phase)
    assert denial["spec"]["action"] == "DENY"
    return denial["spec"]["rules"]


def jwt_rule(authentication: Authentication) -> dict[str, Any]:
    (rule,) = documents(authentication)[0]["spec"]["jwtRules"]
    return rule


def test_an_application_that_asks_for_no_token_has_neither_document() -> None:
    assert documents(None) == ()


def test_a_token_is_a_bearer_of_this_issuer_for_this_audience_and_stays_with_the_sidecar() -> None:
    request, denial = documents(Authentication(issuers=(_ISSUER,)))
    selector = {"matchLabels": {"app": "ui"}}
    assert request == {
        "apiVersion": "security.istio.io/v1",
        "kind": "RequestAuthentication",
        "metadata": {"name": "ui", "namespace": "shop"},
        "spec": {
            "selector": selector,
            "jwtRules": [
                {
                    "issuer": "https://login.example.com/realm",
                    "jwksUri": "https://keys.example.com/realm",
                    "audiences": ["shop"],
                    "forwardOriginalToken": False,
                    # Without it Envoy would take the query parameter access_token as well.
                    "fromHeaders": [{"name": "Authorization", "prefix": "Bearer "}],
                }
            ],
        },
    }
    assert denial == {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "ui.authentication", "namespace": "shop"},
        "spec": {
            "selector": selector,
            "action": "DENY",
            "rules": [
                {
                    "from": [{"source": {"notRequestPrincipals": [_ANYONE]}}],
                    "to": [{"operation": {"ports": ["8080"]}}],
                }
            ],
        },
    }


def test_only_declared_callers_need_no_token() -> None:
    (rule,) = rules(Authentication(issuers=(_ISSUER,)), Caller(application="batch"))
    assert rule["from"] == [{"source": {"notPrincipals": [_BATCH], "notRequestPrincipals": [_ANYONE]}}]


def test_every_required_claim_is_a_refusal_of_its_own() -> None:
    other = TokenIssuer(
        issuer="https://other.example.com",
        jwks_uri="https://other.example.com/keys",
        audiences=("shop",),
        claims=(
            RequiredClaim(path=("realm_access", "roles"), values=("clerk", "judge")),
            RequiredClaim(path=("https://example.com/tenant",), values=("acme",)),
        ),
    )
    without, *claims = rules(Authentication(issuers=(_ISSUER, other)))
    assert without["from"][0]["source"]["notRequestPrincipals"] == [_ANYONE, "https://other.example.com/*"]
    assert [rule["when"] for rule in claims] == [
        [{"key": "request.auth.claims[realm_access][roles]", "notValues": ["clerk", "judge"]}],
        [{"key": "request.auth.claims[https://example.com/tenant]", "notValues": ["acme"]}],
    ]
    # Of that issuer's tokens only.
    assert {rule["from"][0]["source"]["requestPrincipals"][0] for rule in claims} == {"https://other.example.com/*"}


def test_exempt_paths_are_exempt_from_every_refusal_and_from_nothing_else() -> None:
    issuer = dataclasses.replace(_ISSUER, claims=(RequiredClaim(path=("role",), values=("clerk",)),))
    found = rules(Authentication(issuers=(issuer,), except_paths=("/public/*",)))
    assert [rule["to"] for rule in found] == [[{"operation": {"ports": ["8080"], "notPaths": ["/public/*"]}}]] * 2


def test_while_callers_may_show_no_identity_the_public_host_tells_a_user_from_them() -> None:
    identified, plaintext = rules(Authentication(issuers=(_ISSUER,)), Caller(application="batch"), phase="permissive")
    assert identified["from"] == [
        {"source": {"principals": ["*"], "notPrincipals": [_BATCH], "notRequestPrincipals": [_ANYONE]}}
    ]
    assert identified["to"] == [{"operation": {"ports": ["8080"]}}]
    assert plaintext["from"] == [{"source": {"notPrincipals": ["*"], "notRequestPrincipals": [_ANYONE]}}]
    assert plaintext["to"] == [{"operation": {"ports": ["8080"], "hosts": ["ui.example.com", "ui.example.com:*"]}}]


def test_while_nobody_else_may_call_everybody_needs_a_token_in_plaintext_too() -> None:
    (rule,) = rules(Authentication(issuers=(_ISSUER,)), phase="permissive")
    assert rule["from"] == [{"source": {"notRequestPrincipals": [_ANYONE]}}]


def test_sources_and_what_the_application_is_told() -> None:
    rule = jwt_rule(
        Authentication(
            issuers=(_ISSUER,),
            token_sources=(TokenSource(header="x-token"), TokenSource(cookie="token"), TokenSource(query="token")),
            forward_original_token=True,
            claim_headers=(ClaimHeader(header="x-user", claim="sub"),),
        )
    )
    assert rule["fromHeaders"] == [{"name": "x-token"}]
    assert (rule["fromCookies"], rule["fromParams"]) == (["token"], ["token"])
    assert rule["forwardOriginalToken"] is True
    assert rule["outputClaimToHeaders"] == [{"header": "x-user", "claim": "sub"}]


def test_it_is_among_what_stands_before_the_pods_run() -> None:
    def kinds(namespace: Namespace) -> list[str]:
        found = application_documents(
            member(namespace, "ui"),
            graph=graph(namespace),
            images=Images(),
            revision="1-31-1",
            tracing=False,
            region="eu-west-1",
        )
        return [policy["kind"] for policy in found.policies]

    asks = Authentication(issuers=(_ISSUER,))
    assert kinds(shop(asks))[1:3] == ["RequestAuthentication", "AuthorizationPolicy"]


def test_istiod_fetches_keys_from_public_addresses_only() -> None:
    blocked = [ipaddress.ip_network(text) for text in blocked_networks(())]

    def is_blocked(text: str) -> bool:
        address = ipaddress.ip_address(text)
        return any(address in network for network in blocked if network.version == address.version)

    # A pod, a service, IMDS, the carrier's range, loopback, "this" network, multicast; and the same in IPv6.
    for text in ("10.0.0.1", "172.20.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "127.0.0.1", "0.0.0.0"):
        assert is_blocked(text), text
    for text in ("224.0.0.1", "::1", "::", "fd00:ec2::254", "fe80::1", "64:ff9b::a00:1"):
        assert is_blocked(text), text
    assert not any(map(is_blocked, ("203.0.113.80", "52.1.2.3", "2600::1")))


def test_a_private_issuers_network_is_let_out_of_the_block_and_nothing_beside_it() -> None:
    blocked = [IPv4Network(text) for text in blocked_networks((IPv4Network("10.1.0.0/16"),)) if ":" not in text]
    assert not any(ipaddress.ip_address("10.1.2.3") in network for network in blocked)
    for text in ("10.0.255.255", "10.2.0.0", "169.254.169.254"):
        assert any(ipaddress.ip_address(text) in network for network in blocked), text

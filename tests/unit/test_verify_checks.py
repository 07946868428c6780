"""Each check of verify in all three outcomes: a mesh that holds, one broken in one place, and a lost fact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from meshops.verify.access_log import LogLine
from meshops.verify.facts import Answer, Edge, Exchange, Facts, Handshake, HttpAnswer, Passthrough, Traffic, Workload
from meshops.verify.registry import CHECKS
from meshops.verify.result import Check

from .verify_world import (
    MISSING,
    changed,
    healthy,
    pem,
    stack,
    verdict,
    with_exchanges,
    with_object,
    with_pod,
    without_object,
)

Change = Callable[[Facts], Facts]
_OK = Answer(exit_code=0, http_code=200)


@pytest.mark.parametrize("id", [check.id for check in CHECKS])
def test_in_a_mesh_that_holds_every_check_passes(id: str) -> None:
    found = verdict(id, healthy())
    assert found.status == "pass", (found.finding, found.evidence)
    assert found.finding


@pytest.mark.parametrize(("id", "fact"), [(check.id, fact) for check in CHECKS for fact in check.needs])
def test_a_fact_that_could_not_be_had_is_unknown_and_says_why(id: str, fact: str) -> None:
    found = verdict(id, replace(healthy(), **{fact: MISSING}))
    assert (found.status, found.finding) == ("unknown", "it could not be had")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_check_needs_no_other_calls_than_it_says(check: Check) -> None:
    facts = healthy()
    assert isinstance(facts.traffic, Traffic)
    own = tuple(exchange for exchange in facts.traffic.exchanges if exchange.call.purpose in check.calls)
    assert verdict(check.id, replace(facts, traffic=Traffic(exchanges=own))) == verdict(check.id, facts)


def _edge(**changes: Any) -> Change:
    def change(facts: Facts) -> Facts:
        assert isinstance(facts.edge, Edge)
        return replace(facts, edge=replace(facts.edge, **changes))

    return change


def _answers(purpose: str, answer: Answer, **line: Any) -> Change:
    """Another answer to every call of a purpose; line: what the callee's sidecar wrote of it."""

    def change(exchange: Exchange) -> Exchange:
        lines = tuple(item if item.client else replace(item, **line) for item in exchange.lines)
        return replace(exchange, answer=answer, lines=lines)

    return lambda facts: with_exchanges(facts, purpose, change)


def _lines(purpose: str, change: Callable[[LogLine], LogLine | None]) -> Change:
    def of(exchange: Exchange) -> Exchange:
        return replace(exchange, lines=tuple(line for line in map(change, exchange.lines) if line))

    return lambda facts: with_exchanges(facts, purpose, of)


def _no_server_line(line: LogLine) -> LogLine | None:
    return line if line.client else None


def _served(certificate: str) -> Change:
    return _answers("gateway", replace(_OK, certificates=(certificate,)))


def _passes_through(facts: Facts, handshake: Handshake) -> Facts:
    return replace(facts, passthrough=Passthrough(address="10.0.0.20", handshakes={"vault.example.com": handshake}))


def _workload(**changes: Any) -> Change:
    def change(facts: Facts) -> Facts:
        assert isinstance(facts.workloads, tuple)
        first, *rest = facts.workloads
        assert isinstance(first, Workload)
        return replace(facts, workloads=(replace(first, **changes), *rest))

    return change


def _proxy(**changes: Any) -> Change:
    def change(facts: Facts) -> Facts:
        assert isinstance(facts.proxies, tuple)
        return replace(facts, proxies=(replace(facts.proxies[0], **changes), *facts.proxies[1:]))

    return change


def _object(kind: str, namespace: str, name: str, **body: Any) -> Change:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return lambda facts: with_object(facts, {"kind": kind, "metadata": metadata, **body})


def _set(kind: str, namespace: str, name: str, *path: str, value: Any) -> Change:
    """One value of one object, at a path of keys."""

    def change(item: dict[str, Any]) -> None:
        for key in path[:-1]:
            item = item[key]
        item[path[-1]] = value

    return lambda facts: changed(facts, kind, namespace, name, change)


def _without(kind: str, namespace: str, name: str) -> Change:
    return lambda facts: without_object(facts, kind, namespace, name)


def _pod(name: str, **changes: Any) -> Change:
    return lambda facts: with_pod(facts, name, **changes)


_RULE = {"host": "ledger.ledgers.svc.cluster.local"}
_ANYONE = {"rules": [{}]}
_DENIED_BY_APPLICATION = {"details": "via_upstream"}

FAILS: tuple[tuple[str, str, Change], ...] = (
    ("MV101", "refused TLS 1.3", _edge(modern=Handshake(problem="handshake failure", refused=True))),
    ("MV102", "TLSv1.2 was taken", _edge(older=Handshake(version="TLSv1.2"))),
    ("MV103", "not ACM's", lambda facts: replace(facts, acm=pem(days=394))),
    ("MV104", "HTTP 200, not 301", _edge(redirect=HttpAnswer(host="app.test.example.com", status=200))),
    ("MV104", "301 to http://", _edge(redirect=HttpAnswer(host="a", status=301, location="http://other/"))),
    ("MV105", "HTTP 503", _edge(answers=(HttpAnswer(host="app.test.example.com", status=503),))),
    ("MV105", "no such request", _edge(answers=(HttpAnswer(host="app.test.example.com", status=200),))),
    ("MV106", "TLS ends there", lambda facts: _passes_through(facts, Handshake(certificate=pem()))),
    ("MV106", "it has ended", lambda facts: _passes_through(facts, Handshake(certificate=pem(days=1, age=2)))),
    ("MV106", "no TLS (reset)", lambda facts: _passes_through(facts, Handshake(problem="reset", refused=True))),
    ("MV201", "curl exit 35", _answers("gateway", Answer(exit_code=35, http_code=0))),
    ("MV202", "TLS 1.2 was taken", _answers("gateway-older-tls", replace(_OK, http_code=404))),
    ("MV203", "not ECDSA P-256", _served(pem(curve=ec.SECP384R1))),
    ("MV203", "90 days asked for", _served(pem(days=30))),
    ("MV203", "issued by CN=somebody", _served(pem(issuer="somebody"))),
    ("MV203", "it has ended", _served(pem(age=91))),
    ("MV204", "the secret has", _served(pem(age=1))),
    ("MV205", "HTTP 404", _answers("gateway", replace(_OK, http_code=404), details="route_not_found")),
    ("MV301", "no identity", _lines("gateway", lambda line: replace(line, downstream_peer="", upstream_local=""))),
    ("MV302", "no identity", _lines("right-identity", lambda line: replace(line, downstream_peer=""))),
    ("MV302", "caller's proxy logged", _lines("right-identity", lambda line: replace(line, upstream_peer="x"))),
    ("MV303", "plaintext got HTTP 200", _answers("plaintext", _OK)),
    ("MV303", "plaintext got HTTP 403", _answers("plaintext", replace(_OK, http_code=403))),
    ("MV303", "not the reset", _answers("plaintext", Answer(exit_code=52, http_code=0))),
    ("MV304", "its certificate says", _workload(certificate=pem(uri="spiffe://cluster.local/ns/x/sa/y"))),
    ("MV304", "is not renewed", _workload(certificate=pem(uri="spiffe://cluster.local/ns/shop/sa/billing-sa", age=95))),
    ("MV305", "PERMISSIVE, its phase says STRICT", _workload(mtls="PERMISSIVE")),
    ("MV401", "HTTP 403", _answers("right-identity", replace(_OK, http_code=403), details="rbac_access_denied")),
    ("MV401", "not from the application", _answers("right-identity", _OK, details="direct_response")),
    ("MV401", "HTTP 503", _answers("right-identity", replace(_OK, http_code=503))),
    ("MV402", "HTTP 200, not 403", _answers("wrong-identity", _OK)),
    (
        "MV402",
        "the mesh let it through",
        _answers("wrong-identity", replace(_OK, http_code=403), details="via_upstream"),
    ),
    ("MV403", "HTTP 405, not 403", _answers("wrong-method", replace(_OK, http_code=405))),
    ("MV404", "HTTP 404, not 403", _answers("wrong-path", replace(_OK, http_code=404))),
    ("MV405", "lacks the caller's principal", _lines("wrong-path", lambda line: replace(line, downstream_peer=""))),
    ("MV405", "no line about it", _lines("wrong-method", _no_server_line)),
    ("MV405", "the reason", _lines("wrong-identity", lambda line: replace(line, details=""))),
    (
        "MV406",
        "billing.shop is missing",
        _workload(policies=("allow-ingress-gateway.shop", "allow-health-checks.shop")),
    ),
    ("MV501", "no answer, curl exit 35", _answers("declared-host", Answer(exit_code=35, http_code=0))),
    (
        "MV502",
        "example.org: HTTP 200",
        lambda facts: with_exchanges(facts, "undeclared-host", lambda e: replace(e, answer=_OK, lines=())),
    ),
    ("MV601", "shop/billing-1 has no sidecar", _pod("billing-1", sidecar=False)),
    ("MV601", "shop/billing-1 is not ready", _pod("billing-1", ready=False)),
    ("MV601", "shop/billing has no pod", _pod("billing-1", gone=True)),
    ("MV602", "billing-1 is of revision 1-30-0", _pod("billing-1", revision="1-30-0")),
    ("MV602", "no webhook serves the tag", _without("MutatingWebhookConfiguration", "", "tag")),
    ("MV603", "is 1.30.0, its istiod 1.31.1", _proxy(version="1.30.0")),
    ("MV604", "Cluster STALE", _proxy(stale=("Cluster STALE",))),
    ("MV604", "not connected", lambda facts: replace(facts, proxies=())),
    ("MV605", "no trafficPolicy.tls.mode", _object("DestinationRule", "shop", "loose", spec=_RULE)),
    (
        "MV605",
        "subsets[v2].trafficPolicy.tls.mode",
        _object(
            "DestinationRule",
            "shop",
            "loose",
            spec={
                **_RULE,
                "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}},
                "subsets": [{"name": "v2", "trafficPolicy": {"tls": {}}}],
            },
        ),
    ),
    (
        "MV605",
        "portLevelSettings[8080].tls.mode",
        _object(
            "DestinationRule",
            "shop",
            "loose",
            spec={
                **_RULE,
                "trafficPolicy": {
                    "tls": {"mode": "ISTIO_MUTUAL"},
                    "portLevelSettings": [{"port": {"number": 8080}, "connectionPool": {}}],
                },
            },
        ),
    ),
    ("MV606", "istio-system/default: it does not exist", _without("PeerAuthentication", "istio-system", "default")),
    (
        "MV606",
        "says PERMISSIVE where STRICT must hold",
        _object("PeerAuthentication", "shop", "loose", spec={"mtls": {"mode": "PERMISSIVE"}}),
    ),
    (
        "MV606",
        "says DISABLE where STRICT must hold",
        _object("PeerAuthentication", "shop", "port", spec={"portLevelMtls": {"8080": {"mode": "DISABLE"}}}),
    ),
    (
        "MV607",
        "istio.io/rev is other, not stable",
        _set("Namespace", "", "shop", "metadata", "labels", value={"istio.io/rev": "other"}),
    ),
    ("MV607", "namespace shop does not exist", _without("Namespace", "", "shop")),
    (
        "MV608",
        "AuthorizationPolicy shop/billing: it does not exist",
        _without("AuthorizationPolicy", "shop", "billing"),
    ),
    (
        "MV608",
        "spec.action is",
        _set("AuthorizationPolicy", "shop", "billing", "spec", "action", value="DENY"),
    ),
    ("MV608", "is not of the program and says ALLOW", _object("AuthorizationPolicy", "shop", "door", spec=_ANYONE)),
    (
        "MV609",
        "VirtualService shop/frontend: spec.http[0].route[0].destination.host is",
        _set(
            "VirtualService",
            "shop",
            "frontend",
            "spec",
            "http",
            value=[{"name": "frontend", "route": [{"destination": {"host": "elsewhere", "port": {"number": 8080}}}]}],
        ),
    ),
    (
        "MV609",
        "claims app.test.example.com too",
        _object(
            "VirtualService",
            "other",
            "thief",
            spec={"hosts": ["app.test.example.com"], "gateways": ["istio-system/istio-shared-gateway"]},
        ),
    ),
    (
        "MV610",
        "listens on the shared gateway's pods too",
        _object("Gateway", "other", "second", spec={"selector": {"istio": "ingressgateway"}}),
    ),
    ("MV611", "opens evil.example.net", _object("ServiceEntry", "shop", "x", spec={"hosts": ["evil.example.net"]})),
    (
        "MV612",
        "is not issued",
        _set("Certificate", "istio-ingress", "istio-shared-gateway-tls", "status", "conditions", value=[]),
    ),
    (
        "MV612",
        "should have been renewed",
        _set(
            "Certificate",
            "istio-ingress",
            "istio-shared-gateway-tls",
            "status",
            "renewalTime",
            value="2026-11-01T00:00:00Z",
        ),
    ),
    ("MV613", "the settings say ghcr.io/example/billing:v1", _pod("billing-1", images=("ghcr.io/example/billing:v2",))),
    ("MV614", "proxyv2 1.30.0 in 1 pods", _pod("billing-1", images=("docker.io/istio/proxyv2:1.30.0",))),
    ("MV615", "mesh-mutual-tls: it does not exist", _without("DestinationRule", "istio-system", "mesh-mutual-tls")),
    (
        "MV615",
        "says DISABLE for ledger",
        _object("DestinationRule", "shop", "x", spec={**_RULE, "trafficPolicy": {"tls": {"mode": "DISABLE"}}}),
    ),
    ("MV616", "can only let more pass", _object("NetworkPolicy", "shop", "x", spec={"podSelector": {}})),
    (
        "MV617",
        "switches an access log off",
        _object("Telemetry", "shop", "quiet", spec={"accessLogging": [{"disabled": True}]}),
    ),
    ("MV618", "it has no address", _set("Ingress", "istio-ingress", "istio-ingressgateway", "status", value={})),
    ("MV618", "does not exist", _without("Ingress", "istio-ingress", "istio-ingressgateway")),
)


@pytest.mark.parametrize(("id", "finding", "change"), FAILS, ids=[f"{id}: {text}" for id, text, _ in FAILS])
def test_one_thing_broken_fails_the_check_that_names_it(id: str, finding: str, change: Change) -> None:
    found = verdict(id, change(healthy()))
    assert found.status == "fail", (found.finding, found.evidence)
    assert finding in " ".join((found.finding, *found.evidence))


def test_every_check_has_a_way_to_fail() -> None:
    assert {id for id, _, _ in FAILS} == {check.id for check in CHECKS}


_UNREACHED = Answer(exit_code=7, http_code=0)

UNKNOWN: tuple[tuple[str, Change], ...] = (
    ("MV101", _edge(modern=Handshake(problem="timed out"))),
    ("MV102", _edge(older=Handshake(problem="timed out"))),
    ("MV104", _edge(redirect=HttpAnswer(host="a", problem="timed out"))),
    ("MV106", lambda facts: _passes_through(facts, Handshake(problem="timed out"))),
    ("MV201", _answers("gateway", _UNREACHED)),
    ("MV202", _answers("gateway-older-tls", _UNREACHED)),
    ("MV203", _answers("gateway", _UNREACHED)),
    ("MV301", _lines("gateway", lambda line: None)),
    ("MV302", _lines("right-identity", lambda line: None)),
    ("MV303", _answers("plaintext", Answer(exit_code=6, http_code=0))),
    ("MV303", _answers("plaintext", Answer(exit_code=28, http_code=0))),
    ("MV304", _workload(certificate=MISSING)),
    ("MV305", _workload(mtls=MISSING)),
    ("MV401", _lines("right-identity", _no_server_line)),
    ("MV402", _lines("wrong-identity", _no_server_line)),
    ("MV403", _answers("wrong-method", Answer(exit_code=0, http_code=502))),
    ("MV404", _answers("wrong-path", Answer(exit_code=7, http_code=0))),
    ("MV406", _workload(policies=MISSING)),
    ("MV501", _answers("declared-host", Answer(exit_code=6, http_code=0))),
    ("MV603", _proxy(version="")),
)


@pytest.mark.parametrize(("id", "change"), UNKNOWN, ids=[f"{id}-{n}" for n, (id, _) in enumerate(UNKNOWN)])
def test_what_was_asked_and_not_answered_is_unknown(id: str, change: Change) -> None:
    found = verdict(id, change(healthy()))
    assert found.status == "unknown", (found.finding, found.evidence)


@pytest.mark.parametrize("purpose", ["plaintext", "gateway", "right-identity", "wrong-identity", "undeclared-host"])
def test_a_probe_pod_that_did_not_run_is_unknown(purpose: str) -> None:
    of = {
        "plaintext": ["MV303"],
        "gateway": ["MV201", "MV203", "MV204", "MV205", "MV301"],
        "right-identity": ["MV302", "MV401"],
        "wrong-identity": ["MV402"],
        "undeclared-host": ["MV502"],
    }[purpose]
    facts = with_exchanges(healthy(), purpose, lambda exchange: replace(exchange, answer=MISSING))
    assert {verdict(id, facts).status for id in of} == {"unknown"}


def test_an_application_that_ends_its_own_tls_is_seen_by_its_certificate() -> None:
    found = verdict("MV106", _passes_through(healthy(), Handshake(version="TLSv1.3", certificate=pem(days=30))))
    assert (found.status, found.finding) == ("pass", "1 of 1 hosts serve their own certificate.")


def test_a_policy_that_takes_tls_12_must_take_it() -> None:
    balancer = {
        "domain": "test.example.com",
        "hostedZoneId": "Z0123456789ABCDEFGHIJ",
        "allowedCidrs": ["10.0.0.0/8"],
        "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
    }
    world = stack(loadBalancer=balancer)
    taken = _edge(older=Handshake(version="TLSv1.2"))(healthy(world))
    assert verdict("MV102", taken, world).status == "pass"
    refused = verdict("MV102", healthy(world), world)
    assert (refused.status, "another policy is in force" in refused.finding) == ("fail", True)


def test_permissive_applications_must_accept_plaintext_and_strict_ones_must_not() -> None:
    world = stack("permissive")
    found = verdict("MV303", healthy(world), world)
    assert found.status == "pass"
    assert "ok: ledgers/ledger: accepted (HTTP 200), as phase permissive says" in found.evidence
    reset = _answers("plaintext", Answer(exit_code=56, http_code=0))(healthy(world))
    refused = verdict("MV303", reset, world)
    assert (refused.status, "phase permissive takes plaintext" in refused.finding) == ("fail", True)


def test_behind_a_network_policy_the_second_probe_decides() -> None:
    facts = _answers("plaintext", Answer(exit_code=28, http_code=0))(healthy())
    assert verdict("MV303", facts).finding.endswith("nobody is admitted who could try its sidecar (and 2 more)")
    assert isinstance(facts.traffic, Traffic)
    again = tuple(
        replace(
            exchange,
            call=replace(exchange.call, purpose="plaintext-past-network-policy"),
            answer=Answer(exit_code=56, http_code=0),
        )
        for exchange in facts.traffic.exchanges
        if exchange.call.purpose == "plaintext"
    )
    both = replace(facts, traffic=Traffic(exchanges=(*facts.traffic.exchanges, *again)))
    found = verdict("MV303", both)
    assert found.status == "pass"
    assert "the NetworkPolicy dropped it; past that, reset, curl exit 56" in found.evidence[0]


def test_a_blocked_host_proves_nothing_if_nobody_could_reach_it() -> None:
    silent = with_exchanges(healthy(), "undeclared-host", lambda exchange: replace(exchange, lines=()))
    assert verdict("MV502", silent).status == "pass", "the control reached it"
    nobody = _answers("undeclared-host-outside", Answer(exit_code=28, http_code=0))(silent)
    found = verdict("MV502", nobody)
    assert (found.status, "neither does it from a pod outside" in found.finding) == ("unknown", True)


def test_with_a_registry_set_a_public_image_fails() -> None:
    world = stack(imageRegistry="registry.internal.example.com/mesh")
    found = verdict("MV613", healthy(), world)
    assert found.status == "fail"
    assert "docker.io/istio/proxyv2:1.31.1-distroless" in found.finding


def test_a_deny_beside_the_programs_policies_opens_nothing() -> None:
    more = _object("AuthorizationPolicy", "shop", "extra", spec={"action": "DENY", "rules": [{}]})(healthy())
    found = verdict("MV608", more)
    assert found.status == "pass"
    assert any("opens nothing: AuthorizationPolicy shop/extra (DENY)" in line for line in found.evidence)


def test_a_namespace_outside_the_mesh_must_not_be_injected() -> None:
    world = stack(namespaces=[{"name": "legacy", "phase": "outside", "applications": []}])
    facts = _set("Namespace", "", "legacy", "metadata", "labels", value={"istio-injection": "enabled"})(healthy(world))
    found = verdict("MV607", facts, world)
    assert found.status == "fail"
    assert "istio-injection=enabled was added" in found.finding


def test_a_stack_without_an_alb_needs_none_of_its_checks() -> None:
    balancer = {
        "domain": "test.example.com",
        "hostedZoneId": "Z0123456789ABCDEFGHIJ",
        "allowedCidrs": ["10.0.0.0/8"],
        "entries": ["nlb"],
    }
    shop = {"name": "shop", "phase": "strict", "applications": []}
    world = stack(loadBalancer=balancer, namespaces=[shop])
    facts = replace(healthy(world), edge=MISSING, acm=MISSING)
    for id in ("MV101", "MV102", "MV103", "MV104", "MV105", "MV618"):
        assert verdict(id, facts, world).finding == "Not needed: this stack has no ALB."

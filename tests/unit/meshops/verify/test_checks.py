"""Each check of verify in all three outcomes: a mesh that holds, one broken in one place, and a lost fact."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meshops.verify.check import ClusterCheck
from meshops.verify.facts import AnalysisMessage, Answer, Exchange, Handshake, HttpAnswer, Traffic
from meshops.verify.registry import CHECKS
from tests.unit.meshops.verify.failures import (
    FAILS,
    Change,
    analyzed,
    another,
    answers,
    edge,
    lines,
    no_server_line,
    passes_through,
    proxy,
    set_value,
    workload,
)
from tests.unit.meshops.verify.world import (
    ANALYSIS,
    MISSING,
    NETWORK,
    healthy,
    pem,
    stack,
    verdict,
    with_exchanges,
)


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
def test_a_check_needs_no_other_calls_than_it_says(check: ClusterCheck) -> None:
    facts = healthy()
    assert isinstance(facts.traffic, Traffic)
    own = tuple(exchange for exchange in facts.traffic.exchanges if exchange.call.purpose in check.calls)
    assert verdict(check.id, replace(facts, traffic=Traffic(exchanges=own))) == verdict(check.id, facts)


@pytest.mark.parametrize(("id", "finding", "change"), FAILS, ids=[f"{id}: {text}" for id, text, _ in FAILS])
def test_one_thing_broken_fails_the_check_that_names_it(id: str, finding: str, change: Change) -> None:
    found = verdict(id, change(healthy()))
    assert found.status == "fail", (found.finding, found.evidence)
    assert finding in " ".join((found.finding, *found.evidence))


def test_every_check_has_a_way_to_fail() -> None:
    assert {id for id, _, _ in FAILS} == {check.id for check in CHECKS}


_UNREACHED = Answer(exit_code=7, http_code=0)
_LET_OUT = Answer(exit_code=0, http_code=403)

UNKNOWN: tuple[tuple[str, Change], ...] = (
    ("MV101", edge(modern=Handshake(problem="timed out"))),
    ("MV102", edge(older=Handshake(problem="timed out"))),
    ("MV104", edge(redirect=HttpAnswer(host="a", problem="timed out"))),
    ("MV106", lambda facts: passes_through(facts, Handshake(problem="timed out"))),
    ("MV201", answers("gateway", _UNREACHED)),
    ("MV202", answers("gateway-older-tls", _UNREACHED)),
    ("MV203", answers("gateway", _UNREACHED)),
    ("MV301", lines("gateway", lambda line: None)),
    ("MV302", lines("right-identity", lambda line: None)),
    ("MV303", answers("plaintext", Answer(exit_code=6, http_code=0))),
    ("MV303", answers("plaintext", Answer(exit_code=28, http_code=0))),
    ("MV304", workload(certificate=MISSING)),
    ("MV305", workload(mtls=MISSING)),
    ("MV309", answers("caged", _LET_OUT)),
    ("MV309", answers("uncaged", Answer(exit_code=28, http_code=0))),
    ("MV310", answers("caged", _LET_OUT)),
    ("MV506", answers("caged", _LET_OUT)),
    ("MV401", lines("right-identity", no_server_line)),
    ("MV402", lines("wrong-identity", no_server_line)),
    ("MV403", answers("wrong-method", Answer(exit_code=0, http_code=502))),
    ("MV404", answers("wrong-path", Answer(exit_code=7, http_code=0))),
    ("MV406", workload(policies=MISSING)),
    ("MV501", answers("declared-host", Answer(exit_code=6, http_code=0))),
    ("MV503", answers("declared-host", Answer(exit_code=6, http_code=0))),
    (
        "MV503",
        answers("undeclared-host-outside", Answer(exit_code=28, http_code=0, error="Resolving timed out after 3 s")),
    ),
    ("MV504", lines("private-destination", lambda line: None)),
    ("MV504", answers("private-destination", Answer(exit_code=6, http_code=0))),
    (
        "MV504",
        lambda facts: with_exchanges(
            facts,
            "private-destination-stranger",
            lambda exchange: replace(exchange, answer=Answer(exit_code=28, http_code=0), lines=()),
        ),
    ),
    ("MV603", proxy(version="")),
)


@pytest.mark.parametrize(("id", "change"), UNKNOWN, ids=[f"{id}-{n}" for n, (id, _) in enumerate(UNKNOWN)])
def test_what_was_asked_and_not_answered_is_unknown(id: str, change: Change) -> None:
    found = verdict(id, change(healthy()))
    assert found.status == "unknown", (found.finding, found.evidence)


@pytest.mark.parametrize(
    "purpose",
    ["plaintext", "gateway", "right-identity", "wrong-identity", "undeclared-host", "private-destination", "agent"],
)
def test_a_probe_pod_that_did_not_run_is_unknown(purpose: str) -> None:
    of = {
        "plaintext": ["MV303"],
        "gateway": ["MV201", "MV203", "MV204", "MV205", "MV301"],
        "right-identity": ["MV302", "MV401"],
        "wrong-identity": ["MV402"],
        "undeclared-host": ["MV502"],
        "private-destination": ["MV504"],
        "agent": ["MV505"],
    }[purpose]
    facts = with_exchanges(healthy(), purpose, lambda exchange: replace(exchange, answer=MISSING))
    assert {verdict(id, facts).status for id in of} == {"unknown"}


def test_an_address_of_a_network_at_which_nobody_stands_is_let_out_and_no_more() -> None:
    def alone(exchange: Exchange) -> Exchange:
        silent = exchange.call.host == "10.60.0.0/24"
        return replace(exchange, answer=Answer(exit_code=28, http_code=0)) if silent else exchange

    found = verdict("MV504", with_exchanges(healthy(), "private-destination", alone))
    assert found.status == "pass"
    assert any("let out by outbound; nobody answers at http://10.60.0.10:5432/" in line for line in found.evidence)


def test_what_is_known_to_be_no_defect_is_named_with_its_reason() -> None:
    found = verdict("MV619", healthy())
    assert found.finding == "No error and no warning in any namespace but 4 that are understood."
    assert found.evidence == (
        "ok: Warning IST0174 DestinationRule istio-system/mesh-mutual-tls is understood: istioctl looks a rule's host "
        "up among exact names only; istiod does match a wildcard",
        "ok: Warning IST0158 Namespace shop is understood: istioctl expects an image variant in the mesh's proxy "
        "settings, and ours is a value of istiod's chart (global.variant); MV614 judges the image of every proxy",
        "ok: Info IST0102 Namespace cert-manager is understood: not in the mesh on purpose: the settings have no such "
        "namespace in phase permissive or strict",
        "ok: Info IST0118 Service cert-manager/cert-manager-webhook is understood: cert-manager's chart names its "
        "ports; it has no sidecar",
    )


@pytest.mark.parametrize(
    ("code", "origin"),
    [
        ("IST0174", "DestinationRule shop/loose"),
        # A rule of the program, but one whose host is an exact name.
        ("IST0174", "DestinationRule shop/billing"),
        ("IST0102", "Namespace shop"),
        ("IST0102", "Namespace istio-ingress"),
        ("IST0118", "Service shop/billing"),
        ("IST0101", "DestinationRule istio-system/mesh-mutual-tls"),
    ],
)
def test_a_warning_is_no_defect_only_where_its_reason_is_true(code: str, origin: str) -> None:
    found = verdict("MV619", analyzed(code=code, origin=origin)(healthy()))
    assert (found.status, found.finding) == ("fail", f"Warning {code} {origin}: something")


@pytest.mark.parametrize("message", ANALYSIS, ids=lambda message: message.code)
def test_an_error_is_always_a_defect(message: AnalysisMessage) -> None:
    facts = replace(healthy(), analysis=(replace(message, level="Error"),))
    assert verdict("MV619", facts).status == "fail"


def test_what_is_for_information_is_shown_and_fails_nothing() -> None:
    found = verdict("MV619", analyzed(level="Info", code="IST0118", origin="Service shop/billing")(healthy()))
    assert found.status == "pass"
    assert "for information: Info IST0118 Service shop/billing: something" in found.evidence


def test_an_analysis_without_a_message_passes() -> None:
    found = verdict("MV619", replace(healthy(), analysis=()))
    assert (found.status, found.finding) == ("pass", "No error and no warning in any namespace.")


def test_an_application_that_ends_its_own_tls_is_seen_by_its_certificate() -> None:
    found = verdict("MV106", passes_through(healthy(), Handshake(version="TLSv1.3", certificate=pem(days=30))))
    assert (found.status, found.finding) == ("pass", "1 of 1 handshakes at the NLB, each as it must be.")


def test_a_policy_that_takes_tls_12_must_take_it() -> None:
    balancer = {
        "domain": "test.example.com",
        "hostedZoneId": "Z0123456789ABCDEFGHIJ",
        "allowedCidrs": ["10.0.0.0/8"],
        "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
    }
    world = stack(loadBalancer=balancer)
    taken = edge(older=Handshake(version="TLSv1.2"))(healthy(world))
    assert verdict("MV102", taken, world).status == "pass"
    refused = verdict("MV102", healthy(world), world)
    assert (refused.status, "another policy is in force" in refused.finding) == ("fail", True)


def test_permissive_applications_must_accept_plaintext_and_strict_ones_must_not() -> None:
    world = stack("permissive")
    found = verdict("MV303", healthy(world), world)
    assert found.status == "pass"
    assert "ok: ledgers/ledger: accepted (HTTP 200), as phase permissive says" in found.evidence
    reset = answers("plaintext", Answer(exit_code=56, http_code=0))(healthy(world))
    refused = verdict("MV303", reset, world)
    assert (refused.status, "phase permissive takes plaintext" in refused.finding) == ("fail", True)


def test_behind_a_network_policy_the_second_probe_decides() -> None:
    facts = answers("plaintext", Answer(exit_code=28, http_code=0))(healthy())
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
    open_resolver = stack(network=NETWORK)
    facts = healthy(open_resolver)
    silent = with_exchanges(facts, "undeclared-host", lambda exchange: replace(exchange, lines=()))
    assert verdict("MV502", silent, open_resolver).status == "pass", "the control reached it"
    nobody = answers("undeclared-host-outside", Answer(exit_code=28, http_code=0))(silent)
    found = verdict("MV502", nobody, open_resolver)
    assert (found.status, "neither does it from a pod outside" in found.finding) == ("unknown", True)


def test_behind_a_dns_firewall_only_the_sidecars_own_line_shows_that_it_blocks() -> None:
    silent = with_exchanges(healthy(), "undeclared-host", lambda exchange: replace(exchange, lines=()))
    assert verdict("MV502", silent).status == "unknown"


def test_without_a_dns_firewall_there_is_no_name_that_must_not_resolve() -> None:
    open_resolver = stack(network=NETWORK)
    found = verdict("MV503", healthy(open_resolver), open_resolver)
    assert (found.status, found.finding) == ("pass", "The stack has no DNS firewall: every name is looked up.")


def test_with_a_registry_set_a_public_image_fails() -> None:
    world = stack(imageRegistry="registry.internal.example.com/mesh")
    found = verdict("MV613", healthy(), world)
    assert found.status == "fail"
    assert "docker.io/istio/proxyv2:1.31.1-distroless" in found.finding


def test_a_deny_beside_the_programs_policies_opens_nothing() -> None:
    more = another("AuthorizationPolicy", "shop", "extra", spec={"action": "DENY", "rules": [{}]})(healthy())
    found = verdict("MV608", more)
    assert found.status == "pass"
    assert any("opens nothing: AuthorizationPolicy shop/extra (DENY)" in line for line in found.evidence)


def test_a_namespace_outside_the_mesh_must_not_be_injected() -> None:
    world = stack(namespaces=[{"name": "legacy", "phase": "outside", "applications": []}])
    facts = set_value("Namespace", "", "legacy", "metadata", "labels", value={"istio-injection": "enabled"})(
        healthy(world)
    )
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

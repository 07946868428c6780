"""Every gate of a step fails for its own reason, and is unknown where nothing was shown."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from typing import Any

import pytest

from meshops.verify.access_log import parse_lines
from meshops.verify.facts import Objects
from meshops.waves.gates import GATES, agreement, errors, latency, no_plaintext, nothing_to_refuse, promoted
from meshops.waves.record import Promotion, Record
from meshops.waves.run import ALL
from meshops.waves.shadow import NO_RULE
from meshops.waves.traffic import Measured, Numbers
from tests.unit.meshops.verify import world
from tests.unit.meshops.waves.gate_world import gate, record, requests, said, stack

TICKET = Promotion(record=record(), signer="ci@example.com")


@pytest.mark.parametrize("check", GATES, ids=lambda check: check.id)
def test_every_gate_passes_where_all_holds(check: Any) -> None:
    verdict = said(check, gate(before=record(), promotion=TICKET))
    assert verdict.status == "pass", (verdict.finding, verdict.evidence)


def test_the_gates_have_ids_of_their_own() -> None:
    ids = [check.id for check in ALL]
    assert ids == sorted(set(ids))


# MW101


def test_a_cluster_that_is_behind_the_settings_fails() -> None:
    behind = world.objects(stack("permissive"))
    verdict = said(agreement, gate(stack("strict"), objects=behind))
    assert verdict.finding == "ledgers: the settings say strict, the cluster is at permissive"


def test_a_namespace_whose_policies_are_only_tried_out_by_the_cluster_fails() -> None:
    tried = world.objects(stack(authorization="shadow"))
    verdict = said(agreement, gate(objects=tried))
    assert verdict.finding == "ledgers: the settings say permissive, the cluster is at shadow"


def test_a_pod_without_a_sidecar_fails() -> None:
    there = world.objects(stack())
    bare = tuple(dataclasses.replace(pod, sidecar=False) if pod.namespace == "ledgers" else pod for pod in there.pods)
    verdict = said(agreement, gate(objects=dataclasses.replace(there, pods=bare)))
    assert verdict.finding == "ledgers: 1 of 1 pods have no sidecar, ledger-1 first"


def test_a_namespace_that_does_not_exist_fails() -> None:
    verdict = said(agreement, gate(objects=Objects(pods=(), others={})))
    assert verdict.status == "fail"
    assert "ledgers: the cluster has no such namespace" in " ".join(verdict.evidence)


# MW201


def test_one_request_without_an_identity_fails_and_names_the_pod() -> None:
    bare = requests(2, downstream_peer="", downstream_remote_address="10.0.0.77:5000")
    verdict = said(no_plaintext, gate(lines=(*requests(), *bare)))
    assert verdict.finding == "ledgers/ledger: 2 in plaintext from no identity (legacy/cron-1): GET /entries/1"


def test_plaintext_that_strict_refused_fails() -> None:
    refused = requests(
        1, downstream_peer="", upstream_cluster="", method="", path="", response_code=0, details="", flags="NR",
        termination="filter_chain_not_found",
    )  # fmt: skip
    verdict = said(no_plaintext, gate(stack("strict"), lines=(*requests(shadow_allow=""), *refused)))
    assert verdict.status == "fail"
    assert verdict.finding.endswith("(refused)")


def test_no_request_at_all_shows_nothing() -> None:
    for check in (no_plaintext, nothing_to_refuse):
        verdict = said(check, gate(lines=()))
        assert (verdict.status, verdict.finding) == ("unknown", "ledgers/ledger: no request in 600 s")


def test_a_log_that_cannot_be_read_is_no_pass() -> None:
    verdict = said(no_plaintext, gate(unread={"ledgers/ledger": "kubectl logs: forbidden"}))
    assert (verdict.status, "forbidden" in verdict.finding) == ("unknown", True)


# MW202


def test_a_request_that_the_tried_policies_would_refuse_fails_by_caller_method_path_and_policy() -> None:
    stranger = requests(3, downstream_peer="cluster.local/ns/shop/sa/job-sa", method="POST", shadow_allow="denied")
    verdict = said(nothing_to_refuse, gate(lines=(*requests(), *stranger)))
    assert verdict.status == "fail"
    assert verdict.table is not None
    assert verdict.table.rows == (
        ("3", "cluster.local/ns/shop/sa/job-sa", "ledgers/ledger", "POST", "/entries/1", f"ledgers/ledger: {NO_RULE}"),
    )


def test_a_request_without_the_token_that_a_tried_policy_demands_fails_by_its_rule() -> None:
    rule = "ns[ledgers]-policy[ledger.authentication]-rule[0]"
    bare = requests(1, shadow_deny="denied", shadow_deny_policy=rule)
    verdict = said(nothing_to_refuse, gate(lines=(*requests(), *bare)))
    assert verdict.table is not None
    assert verdict.table.rows[0][-1] == "ledgers/ledger.authentication rule 0"


def test_where_no_policy_was_tried_nothing_was_shown() -> None:
    verdict = said(nothing_to_refuse, gate(lines=requests(shadow_allow="")))
    assert verdict.status == "unknown"
    assert verdict.finding == "ledgers/ledger: 30 requests, and no policy was tried on any of them"


# MW203


@pytest.mark.parametrize(
    "failure",
    [
        {"response_code": 503, "flags": "UF"},
        {"response_code": 0, "flags": "DC"},
        {"response_code": 403, "details": "rbac_access_denied_matched_policy[none]"},
    ],
    ids=["5xx", "no-answer", "refused"],
)
def test_more_errors_than_before_fail(failure: dict[str, Any]) -> None:
    verdict = said(errors, gate(lines=(*requests(), *requests(1, **failure)), before=record()))
    assert verdict.finding == "ledgers/ledger: 1 of 31 failed, before 0 of 500"


def test_as_many_errors_as_before_pass() -> None:
    numbers = {
        **record().numbers,
        "ledgers/ledger": Measured(
            callers=Numbers(requests=0, errors=0), own=Numbers(requests=100, errors=10, p50=4, p99=9)
        ),
    }
    lines = (*requests(27), *requests(3, response_code=503))
    assert said(errors, gate(lines=lines, before=record(numbers=numbers))).status == "pass"


def test_the_applications_own_refusals_are_its_answers() -> None:
    assert said(errors, gate(lines=requests(response_code=404), before=record())).status == "pass"


# MW204


def test_slower_requests_than_before_fail() -> None:
    verdict = said(latency, gate(lines=requests(duration=40), before=record()))
    assert verdict.finding == "ledgers/ledger: p50 40 ms, p99 40 ms; before 4 and 9 ms"


@pytest.mark.parametrize("check", [errors, latency], ids=["errors", "latency"])
def test_without_numbers_from_before_or_with_too_few_nothing_is_compared(check: Any) -> None:
    assert "--before FILE" in said(check, gate()).finding
    few = said(check, gate(lines=requests(19), before=record()))
    assert (few.status, "fewer than 20 requests" in few.finding) == ("unknown", True)


# MW301


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"passed": False, "results": {"MW201": "fail"}}, "dev has not passed: MW201 fail"),
        ({"dirty": True}, "dev was checked from files that are in no commit"),
        ({"environment": "test"}, "it is of dev, environment test: of this one, not of the one before"),
        ({"checked": world.NOW - timedelta(days=31)}, "it is 31 days old, more than 30"),
        ({"checked": world.NOW + timedelta(days=1)}, "it is of 2026-11-22 12:00, which is to come"),
        ({"stages": {"shop": "strict"}}, "ledgers was not looked at in dev"),
        ({"stages": {"shop": "strict", "ledgers": "shadow"}}, "ledgers is permissive here, and was shadow in dev"),
    ],
    ids=["failed", "dirty", "same", "old", "future", "missing", "behind"],
)
def test_a_record_of_the_environment_before_that_is_none_fails(changes: dict[str, Any], says: str) -> None:
    ticket = Promotion(record=record(**changes), signer="ci@example.com")
    assert said(promoted, gate(promotion=ticket)).finding == says


def test_a_record_that_nobody_signed_fails() -> None:
    ticket = Promotion(record=record(), problem="there is no dev.json.sig beside it")
    assert said(promoted, gate(promotion=ticket)).finding.startswith("nobody who may has signed it: there is no dev")


def test_a_record_of_a_commit_that_is_not_in_this_one_fails() -> None:
    ticket = dataclasses.replace(TICKET, contained=False)
    assert said(promoted, gate(promotion=ticket)).finding == "its commit aaaaaaaaaaaa is not in what is checked here"


def test_a_record_of_another_stack_than_the_settings_name_fails() -> None:
    at = gate(stack(promoted_from="staging"), promotion=TICKET)
    assert said(promoted, at).finding == "it is of dev, and promotedFrom says staging"


def test_without_a_record_the_gate_is_unknown() -> None:
    assert said(promoted, gate()).status == "unknown"


def test_the_shadow_verdict_is_read_from_the_access_log() -> None:
    fields = {
        "response_flags": "-", "response_code": 200, "duration": 7, "shadow_allow": "denied",
        "shadow_deny": None, "shadow_connection": None, "upstream_cluster": "inbound|8080||",
    }  # fmt: skip
    (found,) = parse_lines(json.dumps(fields), namespace="ledgers", application="ledger")
    assert (found.shadow_allow, found.shadow_deny, found.duration) == ("denied", "", 7)


def test_a_record_is_read_as_it_was_written() -> None:
    from meshops.waves.record import _record

    written: Record = record()
    assert _record(json.loads(written.render())) == written

"""Policies that are tried out: nobody is refused by them, and what enforcing them would bring is what they say."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from configuration.applications import Namespace
from configuration.mesh import Mesh
from manifests.authentication import authentication_documents
from manifests.authorization import DRY_RUN, application_authorization, namespace_authorization
from manifests.namespace import namespace_documents
from manifests.network_policies import application_network_policy
from manifests.shadow import application_shadow, is_tried, namespace_shadow
from tests.unit.mesh_stack import LEGACY, PAYMENTS, SECURE_APPS, graph, member

TRIED = dataclasses.replace(PAYMENTS, authorization="shadow")
TRIED_STRICT = dataclasses.replace(SECURE_APPS, authorization="shadow")


@pytest.mark.parametrize("namespace", [TRIED, TRIED_STRICT], ids=lambda namespace: namespace.phase)
def test_a_namespace_in_shadow_enforces_one_policy_which_lets_everybody_in(namespace: Namespace) -> None:
    documents = namespace_documents(namespace, mesh=Mesh(), mode="PERMISSIVE", graph=graph(), tracing=True)
    found = [item for item in documents.policies if item["kind"] == "AuthorizationPolicy"]
    for application in namespace.applications:
        one = member(namespace, application.name)
        found += [item for item in (application_authorization(one, graph()),) if item]
        found += [item for item in authentication_documents(one, graph()) if item["kind"] == "AuthorizationPolicy"]
    enforced = [item for item in found if not is_tried(item)]
    assert [(item["metadata"]["name"], item["spec"]["rules"]) for item in enforced] == [("refuse-nobody", [{}])]
    # The namespace's own deny-all among them: Envoy then calls denied what no tried policy allows.
    assert "deny-all" in {item["metadata"]["name"] for item in found if is_tried(item)}


def test_to_enforce_what_was_tried_is_to_take_one_annotation_away() -> None:
    tried = application_authorization(member(TRIED, "ledger"), graph())
    enforced = application_authorization(member(PAYMENTS, "ledger"), graph())
    assert tried is not None
    assert enforced is not None
    assert tried["metadata"].pop("annotations") == {DRY_RUN: "true"}
    assert tried == enforced


def test_what_enforces_its_policies_is_as_it_was() -> None:
    assert namespace_shadow(SECURE_APPS) == ()
    assert not is_tried(namespace_authorization(SECURE_APPS))
    assert application_shadow(member(SECURE_APPS, "billing-api"), graph()) == ()
    assert application_shadow(member(LEGACY, "reports"), graph()) == ()


def test_what_strict_would_refuse_is_tried_while_plaintext_is_taken() -> None:
    (tried,) = application_shadow(member(PAYMENTS, "ledger"), graph())
    assert tried["metadata"] == {"name": "ledger.strict", "namespace": "payments", "annotations": {DRY_RUN: "true"}}
    # legacy/reports has no identity yet: in strict nobody would take it for a caller.
    callers = [source["source"] for rule in tried["spec"]["rules"] for source in rule["from"]]
    assert callers == [{"principals": ["cluster.local/ns/secure-apps/sa/billing-api-sa"]}]


def test_of_what_is_tried_already_nothing_more_is_tried() -> None:
    assert application_shadow(member(TRIED, "ledger"), graph()) == ()


def test_whom_the_policies_would_refuse_reaches_the_sidecar() -> None:
    policy = application_network_policy(member(TRIED, "ledger"), graph())
    assert policy is not None
    assert policy["spec"]["ingress"] == [{"ports": [{"port": 8080, "protocol": "TCP"}]}]


@pytest.mark.parametrize(
    ("value", "tried"), [("true", True), ("T", True), ("1", True), ("false", False), ("yes", False)]
)
def test_an_annotation_counts_as_istiod_reads_it(value: str, tried: bool) -> None:
    policy: dict[str, Any] = {"metadata": {"annotations": {DRY_RUN: value}}}
    assert is_tried(policy) is tried

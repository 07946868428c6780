"""prod with a secret of AWS Secrets Manager: the add-on, then what it defines, then the pods."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from configuration.settings import PROJECT
from meshops.plan import plan as mesh_plan
from meshops.plan.plan import Plan
from offline.registration import Registration
from offline.stack_files import read_stack
from policy.resources import of_registration
from policy.rules.order.after_definitions import after_definitions
from policy.stack import Stack
from tests import ROOT
from tests.contract.stack_plans import plan_of
from versions import SECRETS_STORE_ADDON, SECRETS_STORE_ADDON_VERSION


def with_secret(stack: str) -> dict[str, Any]:
    config = dict(read_stack(ROOT, stack).config)
    namespaces = json.loads(str(config[f"{PROJECT}:namespaces"]))
    namespaces[0]["applications"][0]["environment"] = {"DB_PASSWORD_FILE": {"secretsManager": "billing/db#password"}}
    return {**config, f"{PROJECT}:namespaces": json.dumps(namespaces)}


@pytest.fixture(scope="module")
def prod() -> Plan:
    return mesh_plan.make("prod", config=with_secret("prod"))


def found(plan: Plan, type_: str, name: str) -> Registration:
    return next(one for one in plan.run.registrations if one.type == type_ and name in one.name)


def upstream(plan: Plan, registration: Registration) -> set[str]:
    """The URNs of all that comes before it."""
    by_urn = {one.urn: one for one in plan.run.registrations}
    waiting, seen = list(registration.depends_on), set[str]()
    while waiting:
        urn = waiting.pop()
        if urn not in seen:
            seen.add(urn)
            waiting += by_urn[urn].depends_on if urn in by_urn else ()
    return seen


def test_it_plans_clean(prod: Plan) -> None:
    assert prod.verdict.stopping == ()


def test_the_class_comes_after_the_add_on_that_defines_it_and_pods_after_class_and_role(prod: Plan) -> None:
    addon = found(prod, "aws:eks/addon:Addon", SECRETS_STORE_ADDON)
    kind = next(one for one in prod.run.registrations if one.inputs.get("kind") == "SecretProviderClass")
    pods = next(
        one
        for one in prod.run.registrations
        if one.inputs.get("kind") == "Deployment" and one.inputs["metadata"]["name"] == "billing-api"
    )
    association = found(prod, "aws:eks/podIdentityAssociation:PodIdentityAssociation", "secure-apps.billing-api")
    assert addon.inputs["addonVersion"] == SECRETS_STORE_ADDON_VERSION
    assert addon.inputs.get("configurationValues") is None
    assert addon.urn in upstream(prod, kind)
    assert {kind.urn, association.urn} <= upstream(prod, pods)


def test_mr801_a_class_without_the_add_on_before_it_would_be_an_unknown_kind(prod: Plan) -> None:
    resources = tuple(of_registration(one) for one in prod.run.registrations)
    kind = next(one for one in resources if one.kind == "SecretProviderClass")

    def flaws(without: str) -> list[str]:
        left = tuple(one for one in resources if one.name != without)
        stack = Stack(name="prod", known_settings=prod.settings, resources=left, today=date(2026, 1, 1))
        return [flaw.value for flaw in after_definitions.check(kind, stack)]

    assert flaws("nothing") == []
    assert flaws(SECRETS_STORE_ADDON) == [f"no add-on {SECRETS_STORE_ADDON}"]


def test_its_name_exists_for_the_node_that_fetches_it(prod: Plan) -> None:
    domains = found(prod, "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList", "allowed")
    assert any("secretsmanager.eu-west-1.amazonaws.com" in str(one) for one in domains.inputs["domains"])


def test_a_stack_without_one_has_no_add_on() -> None:
    plan = plan_of("dev")
    assert not [one for one in plan.run.registrations if one.inputs.get("addonName") == SECRETS_STORE_ADDON]

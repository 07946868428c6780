"""Each rule finds its bad case in a real plan with one thing changed, and the stacks as they are give none."""

from __future__ import annotations

import dataclasses
import functools
from datetime import timedelta
from typing import Any

import pytest

from configuration.kinds.policy_suppressions import Retirement
from configuration.weakenings import weakenings
from policy.judge import judge
from policy.registry import RULES
from policy.rule import Flaw
from tests.contract.stack_plans import STACKS
from tests.unit.policy.bad_cases import BAD_CASES, BadCase
from tests.unit.policy.spoilt import TODAY, Spoilt


@functools.cache
def unspoilt(stack: str) -> set[tuple[str, str, Flaw]]:
    return {(one.rule.id, one.subject, one.flaw) for one in judge(Spoilt(stack).stack()).findings}


@pytest.mark.parametrize("bad", BAD_CASES, ids=lambda bad: bad.id)
def test_each_bad_case_is_found_by_its_rule(bad: BadCase) -> None:
    plan = Spoilt(bad.stack)
    bad.spoil(plan)
    verdict = judge(plan.stack())
    new = [one for one in verdict.findings if (one.rule.id, one.subject, one.flaw) not in unspoilt(bad.stack)]
    named = [one for one in new if one.rule.id == bad.rule and one.subject == bad.subject]
    assert named, [f"{one.rule.id} {one.subject}: {one.text}" for one in new]
    assert verdict.not_judged == ()
    for one in named:
        assert one.flaw.field
        assert one.flaw.value


@pytest.mark.parametrize("stack", STACKS)
def test_the_stacks_as_they_are_break_no_rule_and_leave_none_unjudged(stack: str) -> None:
    plan = Spoilt(stack)
    plan.keep_as_previous()
    verdict = judge(plan.stack())
    assert [f"{one.rule.id} {one.subject}: {one.text}" for one in verdict.stopping] == []
    assert verdict.not_judged == ()
    assert verdict.rules == len(RULES)
    assert {one.rule.id for one in verdict.findings} <= {"MR201"}


@pytest.mark.parametrize(
    ("days", "found"),
    [
        pytest.param(-1, True, id="its day is over"),
        pytest.param(0, False, id="today is its last day"),
        pytest.param(31, False, id="a month ahead"),
        pytest.param(32, True, id="longer than a destroy takes"),
    ],
)
def test_mr707_protection_may_be_off_for_as_long_as_the_retirement_says(days: int, found: bool) -> None:
    plan = Spoilt("prod")
    plan.put("eks:index:Cluster", None, "deletionProtection", False)
    until = TODAY + timedelta(days=days)
    plan.set(retirement=Retirement(until=until, reason="Its users have moved to prod-2."))
    verdict = judge(plan.stack())
    assert ("MR707" in {one.rule.id for one in verdict.stopping}) is found
    assert [one for one in weakenings(plan.settings) if one.path == "retirement.until" and one.value == str(until)]


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("MR701", {"vpcConfig": {"endpointPrivateAccess": True, "endpointPublicAccess": True}}),
        ("MR704", {"encryptionConfig": None}),
        ("MR707", {"deletionProtection": False}),
        ("MR710", {"enabledClusterLogTypes": ["api"]}),
        ("MR712", {"accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": True}}),
    ],
)
def test_the_cluster_inside_the_component_is_judged_too(rule: str, changes: dict[str, Any]) -> None:
    # Under the real engine only: pulumi-eks 4.4 registers it, and the component around it perhaps without inputs.
    plan = Spoilt("prod")
    component = plan.find("eks:index:Cluster")
    inputs = {
        "vpcConfig": {"endpointPrivateAccess": True, "endpointPublicAccess": False},
        "encryptionConfig": {"provider": {"keyArn": "arn:aws:kms:eu-west-1:111122223333:key/secrets"}},
        "deletionProtection": True,
        "enabledClusterLogTypes": ["api", "audit", "authenticator"],
        "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
    }
    plan.replace(component, inputs={})
    kind = "aws:eks/cluster:Cluster"
    inside = dataclasses.replace(component, type=kind, name="cluster-eksCluster", urn=f"{component.urn}-eksCluster")
    plan.registrations.append(dataclasses.replace(inside, inputs=inputs))
    assert judge(plan.stack()).stopping == ()
    changed = {key: value for key, value in {**inputs, **changes}.items() if value is not None}
    plan.registrations[-1] = dataclasses.replace(inside, inputs=changed)
    assert {(one.rule.id, one.subject) for one in judge(plan.stack()).stopping} == {(rule, "Cluster cluster")}

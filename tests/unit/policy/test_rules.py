"""Each rule finds its bad case in a real plan with one thing changed, and the stacks as they are give none."""

from __future__ import annotations

import functools

import pytest

from policy.judge import judge
from policy.registry import RULES
from policy.rule import Flaw
from tests.contract.stack_plans import STACKS
from tests.unit.policy.bad_cases import BAD_CASES, BadCase
from tests.unit.policy.spoilt import Spoilt


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

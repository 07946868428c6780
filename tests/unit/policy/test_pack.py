"""What holds for the pack as a whole: ids, registration, sources, bad cases, documents."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re
import sys
from collections import Counter

import yaml

import policy
from policy import reference
from policy import rules as rooms
from policy.judge import judge
from policy.page import written
from policy.registry import AFTER_ALL_ELSE, RULES
from policy.rule import FAMILIES, Rule
from tests import ROOT
from tests.unit.policy.bad_cases import BAD_CASES
from tests.unit.policy.spoilt import Spoilt


def modules() -> list[str]:
    found = pkgutil.walk_packages(rooms.__path__, f"{rooms.__name__}.")
    return [one.name for one in found if not one.ispkg]


def test_a_file_that_nobody_registers_would_be_a_rule_that_nobody_asks() -> None:
    written = []
    for name in modules():
        here = [one for one in vars(importlib.import_module(name)).values() if isinstance(one, Rule)]
        assert len(here) == 1, f"{name} holds {len(here)} rules"
        assert here[0].check.__name__ == name.rpartition(".")[2], f"{name} is named after its rule"
        written += here
    assert sorted(one.id for one in written) == sorted(one.id for one in RULES)
    assert AFTER_ALL_ELSE in RULES


def test_an_id_given_twice_would_suppress_two_rules() -> None:
    assert [id for id, count in Counter(rule.id for rule in RULES).items() if count > 1] == []
    assert [rule.id for rule in RULES] == sorted(rule.id for rule in RULES)
    for rule in RULES:
        assert re.fullmatch(r"MR\d{3}", rule.id)
        assert FAMILIES[int(rule.id[2])] == rule.family, rule.id


def test_every_rule_says_what_why_from_where_and_what_to_do() -> None:
    for rule in RULES:
        for text in (rule.title, rule.why, rule.remedy):
            assert text.endswith("."), f"{rule.id}: {text}"
        assert len(rule.title) < 120, rule.id
        assert rule.about, rule.id
        assert rule.source, rule.id
        for path in re.findall(r"(?:docs|configuration|changes)/[\w./-]+", re.sub(r"https?://\S+", "", rule.source)):
            assert list(ROOT.glob(f"{path}*")), f"{rule.id}: {path} is not there"


def test_a_rule_about_a_kind_that_no_stack_has_would_be_asked_about_nothing() -> None:
    asked = {
        rule.id for stack in ("dev", "prod", "lab") for rule in RULES if any(Spoilt(stack).stack().of(*rule.about))
    }
    assert {rule.id for rule in RULES} == asked


def test_every_rule_has_a_bad_case() -> None:
    assert {case.rule for case in BAD_CASES} == {rule.id for rule in RULES}


def test_docs_policies_md_is_what_the_rules_say() -> None:
    page = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")
    assert written(page, reference.BEGIN, reference.reference()) == page, "run: make docs"


def test_a_file_of_the_pack_would_stand_for_a_module_of_pythons() -> None:
    # The language host starts the pack with its folder as the working directory, and so first on the import path.
    here = {one.name for one in pkgutil.iter_modules(policy.__path__)}
    assert here & set(sys.stdlib_module_names) == set()


def test_the_pack_runs_in_the_programs_environment() -> None:
    pack = yaml.safe_load((ROOT / "policy" / "PulumiPolicy.yaml").read_text(encoding="utf-8"))
    program = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))
    assert pack["runtime"]["options"]["virtualenv"] == f"../{program['runtime']['options']['virtualenv']}"


def test_a_plan_without_settings_is_not_judged_rather_than_passed() -> None:
    stack = dataclasses.replace(Spoilt("prod").stack(), known_settings=None)
    verdict = judge(stack)
    assert verdict.stopping == ()
    unjudged = {one.rule.id for one in verdict.not_judged}
    assert {"MR001", "MR201", "MR301", "MR405", "MR707"} <= unjudged
    assert {one.where for one in verdict.not_judged} == {"(the stack's settings)"}


def test_a_document_of_another_form_is_not_judged_rather_than_passed() -> None:
    plan = Spoilt("prod")
    plan.put("Deployment", "payments/ledger", "spec", "template", "spec", "containers", "one")
    verdict = judge(plan.stack())
    assert {one.subject for one in verdict.not_judged} == {"Deployment payments/ledger"}
    assert {"MR601", "MR602"} <= {one.rule.id for one in verdict.not_judged}

"""Whatever the settings take plans clean; what they refuse is said in their own words. 5,000 stacks, each spoilt."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator

import pytest

from configuration.names import REFUSED_NAME
from configuration.parsing import parse
from configuration.problems import SettingsError
from configuration.settings import Settings
from manifests.karpenter import Launch
from manifests.stack import StackDocuments
from meshops.plan import plan
from offline.objects import KubernetesObject, releases
from offline.registration import Registration
from tests import ROOT
from tests.contract.stack_plans import plan_of
from tests.unit.configuration.mutations import STACKS, Mutation, base, mutations
from tests.unit.validation.validation_objects import registered
from validation import names, schemas
from validation.findings import Finding
from validation.validate import validate

COUNT, SEED = 5_000, 20261121
# pydantic's words, and what stands in for a refused value while the rest is judged.
_NOT_OURS = ("Input should", "valid string", "valid integer", "none.invalid", REFUSED_NAME)
Check = Callable[[KubernetesObject], Iterator[Finding]]
LAUNCH = Launch(subnet_ids=("subnet-a", "subnet-b"), security_group_id="sg-a", instance_profile="nodes")
CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/a"


@pytest.fixture(scope="module")
def charts() -> dict[str, tuple[Registration, ...]]:
    """Stack -> its Helm releases: in their namespaces stand pods that no document shows."""
    return {stack: releases(plan_of(stack).run.registrations) for stack in STACKS}


@pytest.fixture
def judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document that stood in an earlier stack, letter by letter, is not held against its schema and names again."""
    for module in (schemas, names):
        monkeypatch.setattr(module, "check", functools.partial(_remembered, {}, module.check))


def _remembered(seen: dict[str, tuple[Finding, ...]], check: Check, item: KubernetesObject) -> tuple[Finding, ...]:
    key = repr(item.content)
    if key not in seen:
        seen[key] = tuple(check(item))
    return seen[key]


def planned(
    settings: Settings, charts: tuple[Registration, ...], seen: dict[str, list[str]] | None = None
) -> list[str]:
    """What the API server would refuse of a stack's documents, or misread.

    seen: what was found of the same documents: more than half of all changes are AWS's alone and leave every one alike
    """
    seen = {} if seen is None else seen
    documents = list(
        StackDocuments(settings=settings).all(
            certificate_arn=CERTIFICATE, launch=LAUNCH, tags={**settings.tags, "environment": settings.environment}
        )
    )
    elsewhere = tuple(plan.elsewhere(settings))
    key = repr((documents, elsewhere))
    if key not in seen:
        found = validate([*charts, *map(registered, documents)], elsewhere=elsewhere)
        seen[key] = [str(finding) for finding in found]
    return seen[key]


def refusal(mutation: Mutation) -> tuple[Settings | None, list[str]]:
    """The settings if they were taken; and what is wrong with how they were refused."""
    try:
        return parse(mutation.stack, mutation.tree), []
    except SettingsError as error:
        str(error).encode("utf-8")
        return None, [
            f"{mutation.how}: {problem}"
            for problem in error.problems
            if not (problem.path and problem.rule and problem.remedy)
            or any(words in str(problem) for words in _NOT_OURS)
        ]


def test_whatever_the_settings_take_plans_clean_and_every_refusal_is_in_words(
    charts: dict[str, tuple[Registration, ...]], judged_once: None
) -> None:
    wrong: list[str] = []
    taken = 0
    seen: dict[str, dict[str, list[str]]] = {stack: {} for stack in STACKS}
    for mutation in mutations(COUNT, SEED):
        settings, unsaid = refusal(mutation)
        wrong += unsaid
        if settings is not None:
            taken += 1
            found = planned(settings, charts[mutation.stack], seen[mutation.stack])
            wrong += [f"{mutation.how}: {finding}" for finding in found]
    assert not wrong, "\n".join([f"{len(wrong)}:", *wrong[:40]])
    assert COUNT // 10 < taken < COUNT * 9 // 10, f"{taken} taken: too few, or too many, to show anything"


def test_what_the_settings_take_the_whole_program_takes() -> None:
    # The whole of it takes a second for each: some of those that were taken above, evenly.
    whole = [mutation for mutation in mutations(COUNT // 50, SEED) if refusal(mutation)[0] is not None][:12]
    for mutation in whole:
        config = {key: value if isinstance(value, str) else json.dumps(value) for key, value in mutation.tree.items()}
        plan.make(mutation.stack, directory=ROOT, config=config)
    assert len(whole) == 12


@pytest.mark.parametrize("stack", STACKS)
def test_the_stacks_that_are_spoilt_are_whole_before(stack: str, charts: dict[str, tuple[Registration, ...]]) -> None:
    assert planned(parse(stack, base(stack)), charts[stack]) == []

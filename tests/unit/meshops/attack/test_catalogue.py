"""Every attempt is whole: id, family, position, wall; and makes something of a stack that has everything."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from meshops.attack.known import CONDITIONS, KNOWN
from meshops.attack.model import FAMILIES, POSITIONS, WALLS, Ask, Shot
from meshops.attack.reference import BEGIN, reference
from meshops.attack.registry import ATTEMPTS, ENTRIES, LEGITIMATE, selected
from meshops.checks.options import UsageError
from policy.page import written
from tests.unit.meshops.attack.ground import ground

ROOT = Path(__file__).resolve().parents[4]
STEPS = {entry.id: tuple(entry.steps(ground())) for entry in ENTRIES}


def test_there_are_as_many_as_were_promised() -> None:
    assert len(ATTEMPTS) >= 120
    assert len(LEGITIMATE) >= 40


def test_ids_are_of_one_form_and_nobody_elses() -> None:
    ids = [entry.id for entry in ENTRIES]

    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"MA[1-9]\d\d", entry.id) for entry in ATTEMPTS)
    assert all(re.fullmatch(r"ML\d\d\d", entry.id) for entry in LEGITIMATE)


@pytest.mark.parametrize("entry", ATTEMPTS, ids=lambda entry: entry.id)
def test_an_attempt_says_what_it_is(entry: object) -> None:
    attempt = next(item for item in ATTEMPTS if item is entry)

    assert attempt.section == FAMILIES[int(attempt.id[2]) - 1]
    assert attempt.position in POSITIONS
    assert attempt.wall in WALLS
    assert attempt.name
    for sentence in (attempt.how, attempt.shows):
        assert sentence.endswith("."), f"{attempt.id}: {sentence!r} is no sentence"


@pytest.mark.parametrize("id", [entry.id for entry in ENTRIES])
def test_on_a_stack_that_has_everything_there_is_something_to_do(id: str) -> None:
    assert STEPS[id], f"{id} has nothing to try on a stack with every part"


def test_what_is_sent_can_be_carried_to_a_pod() -> None:
    for id, steps in STEPS.items():
        for step in steps:
            if isinstance(step, Shot):
                json.dumps(dict(step.task))
                assert all(not isinstance(part, str) or part.encode("latin-1") for part in step.task.get("send", ())), (
                    id
                )


def test_no_step_of_a_tenant_keeps_anything() -> None:
    harmless = {"get", "exec", "auth", "debug"}
    for id, steps in STEPS.items():
        for step in steps:
            if isinstance(step, Ask):
                dry = "--dry-run=server" in step.arguments or step.document is not None
                token = step.arguments[:2] == ("create", "token")
                forward = "--raw" in step.arguments
                assert dry or token or forward or step.arguments[0] in harmless, f"{id}: {step.arguments}"


def test_who_is_asked_only_reads_unless_the_attempt_says_otherwise() -> None:
    safe = ("GET", "HEAD", "OPTIONS", "TRACE", "get", "GeT", "GET;", "PROPFIND", "MESHOPS", "CONNECT", "PRI")
    for entry in ENTRIES:
        if not entry.reads_only or entry.section == "Protocols and smuggling":
            continue
        for step in STEPS[entry.id]:
            if isinstance(step, Shot):
                first = next((part for part in step.task.get("send", ()) if isinstance(part, str)), "")
                method = first.partition(" ")[0]
                written_to = first.startswith(("POST", "PUT", "PATCH", "DELETE"))
                assert method in safe or not written_to or _harmless(first), f"{entry.id} sends {method}"


def _harmless(request: str) -> bool:
    """A review that binds nobody, no spans, and the request for a token of the metadata service."""
    path = request.split(" ")[1]
    return path in ("/mutate", "/inject", "/v1/traces", "/latest/api/token")


def test_what_is_listed_is_an_attempt_and_says_why() -> None:
    ids = {entry.id for entry in ATTEMPTS}

    assert len({item.id for item in KNOWN}) == len(KNOWN)
    for item in KNOWN:
        assert item.id in ids
        assert item.condition in CONDITIONS
        assert item.wall in WALLS
        assert item.why.endswith(".")


def test_a_family_an_id_and_the_legitimate_ones_can_be_chosen() -> None:
    assert {entry.section for entry in selected(["egress"])} == {"Egress"}
    assert {entry.section for entry in selected(["MA7"])} == {"Egress"}
    assert [entry.id for entry in selected(["ma101"])] == ["MA101"]
    assert selected(["legitimate"]) == LEGITIMATE
    assert selected([]) == ENTRIES
    with pytest.raises(UsageError, match="MA000"):
        selected(["MA000"])


def test_the_page_is_made_from_the_attempts() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")

    assert written(page, BEGIN, reference()) == page, "make docs"


def test_the_page_names_only_attempts_that_there_are() -> None:
    by_hand = (ROOT / "docs" / "security.md").read_text(encoding="utf-8").partition(BEGIN)[0]
    known = {entry.id for entry in ENTRIES}

    assert set(re.findall(r"M[AL]\d{3}", by_hand)) - {"MA000"} <= known

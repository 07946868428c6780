"""Preflight's rule for subnets against what the controller's own code decided, layout by layout.

The table is recorded (`make decisions`), from the controller that the lab runs.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

import pytest

from meshops.preflight.subnets import decide, judged
from tests.contract.load_balancer_controller.__main__ import TABLE
from tests.contract.load_balancer_controller.layouts import Layout, layouts

GUESS = "the controller would guess by route tables, which does not count here"
"""The one reason to disagree. Without any role tag the controller falls back to the subnets' routes. The program sets
the tags, so their absence is a mistake, and a load balancer in guessed subnets is not what the stack says."""


@functools.cache
def table() -> tuple[tuple[Layout, Mapping[str, Any]], ...]:
    recorded = json.loads(TABLE.read_text(encoding="utf-8"))
    asked = layouts()
    assert [entry["asked"] for entry in recorded] == [layout.document() for layout in asked], "make decisions"
    return tuple((layout, entry["answer"]) for layout, entry in zip(asked, recorded, strict=True))


def guessed(layout: Layout) -> bool:
    return any(GUESS in line for line in judged(layout.subnets, layout.demand).evidence)


def test_the_table_has_enough_of_each_kind_of_answer() -> None:
    answers = [answer for _, answer in table()]
    assert len(answers) >= 300
    assert sum("chosen" in answer for answer in answers) >= 100
    for words in ("unable to resolve at least one subnet", "multiple locales", "less than minimal required count"):
        assert sum(words in answer.get("error", "") for answer in answers) >= 15, words


def test_preflight_passes_exactly_where_the_controller_makes_a_load_balancer() -> None:
    wrong = [
        (layout.document(), answer)
        for layout, answer in table()
        if not guessed(layout) and (judged(layout.subnets, layout.demand).status == "pass") != ("chosen" in answer)
    ]
    assert wrong == []


def test_preflight_chooses_the_subnets_that_the_controller_chooses() -> None:
    for layout, answer in table():
        if "chosen" in answer and not guessed(layout):
            chosen = sorted(each.subnet.id for each in decide(layout.subnets, layout.demand) if each.chosen)
            assert chosen == answer["chosen"], layout.document()


def test_where_no_subnet_has_the_role_tag_preflight_fails_and_says_that_the_controller_would_guess() -> None:
    without = [(layout, answer) for layout, answer in table() if guessed(layout)]
    for layout, _ in without:
        assert not [s for s in layout.subnets if s.tags.get(layout.demand.role_tag) in ("", "1")]
        assert judged(layout.subnets, layout.demand).status == "fail"
    assert [answer for _, answer in without if "chosen" in answer], "it does guess, in some"


@pytest.mark.parametrize("count", [0, 1])
def test_a_vpc_without_enough_subnets_gives_no_alb(count: int) -> None:
    found = [answer for layout, answer in table() if layout.kind == "application" and len(layout.subnets) == count]
    assert found
    assert not [answer for answer in found if "chosen" in answer and count == 0]

"""docs/reliability.md: which rows a run replaces."""

from __future__ import annotations

import re

import pytest

from lab.errors import LabError
from lab.reliability.command import DOCUMENT, STEPS, named
from lab.reliability.measuring import Measured
from lab.reliability.requests import Request, outcome
from lab.reliability.table import BEGIN, END, rows, updated

PAGE = f"# Title\n\n{BEGIN}\n{END}\n\nThe end.\n"
STEP, OTHER = STEPS[0], STEPS[1]


def measured(*, lost: int) -> Measured:
    asked = [Request(stream="web", began=at, took=0.01, ok=at >= lost, said="503") for at in range(10)]
    found = outcome("pod", ["web"], asked, began=2, ended=5)
    return Measured(places=(found,), streams=(found,), seconds=3, said=())


def test_a_run_replaces_the_rows_of_its_own_steps_and_keeps_the_others() -> None:
    order = [STEP.name, OTHER.name]
    first = updated(PAGE, order, {OTHER.name: rows(OTHER, measured(lost=0), None)})
    both = updated(first, order, {STEP.name: rows(STEP, measured(lost=0), measured(lost=2))})
    again = updated(both, order, {OTHER.name: rows(OTHER, measured(lost=3), None)})
    told = [line.split(" | ")[:2] + line.split(" | ")[5:6] for line in again.splitlines() if line.startswith("| `")]
    assert told == [
        [f"| `{STEP.name}`", "planned", "0"],
        [f"| `{STEP.name}`", "naive", "**2** (503)"],
        [f"| `{OTHER.name}`", "planned", "**3** (503)"],
    ]
    assert again.startswith("# Title")
    assert again.endswith("The end.\n")


def test_rows_of_a_step_that_is_no_more_go() -> None:
    page = updated(PAGE, ["gone"], {"gone": ["| `gone` | planned |"]})
    assert "`gone`" not in updated(page, [STEP.name], {})


def test_a_page_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(KeyError, match="begin"):
        updated("# Title\n", [], {})


def test_what_grpc_says_beside_its_status_stands_in_no_row() -> None:
    said = "rpc error: code = Unavailable desc = upstream connect error"
    found = outcome("pod", ["web"], [Request(stream="web", began=1, took=1, ok=False, said=said)], began=0, ended=3)
    (row,) = rows(STEP, Measured(places=(found,), streams=(), seconds=1, said=()), None)
    assert "**1** (Unavailable)" in row


def test_a_step_of_no_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(LabError, match="no step nonsense; there are three-into-the-mesh"):
        named(["nonsense"])


def test_the_page_has_only_steps_that_there_are() -> None:
    told = set(re.findall(r"^\| `([\w-]+)`", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert told <= {step.name for step in STEPS}


def test_every_planned_step_has_its_own_name_and_what_is_done_in_words() -> None:
    assert len({step.name for step in STEPS}) == len(STEPS)
    assert all(step.what and "|" not in step.what for step in STEPS)

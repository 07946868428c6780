"""The registry of steps: what `make reliability` can do."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from lab.errors import LabError
from lab.reliability.command import DOCUMENT, STEPS, named


def test_every_step_has_a_name_of_its_own() -> None:
    names = [step.name for step in STEPS]
    assert len(names) == len(set(names))


def test_every_planned_step_has_a_control_but_for_one_that_nobody_found_a_wrong_way_to_do() -> None:
    """Secret deleted, the Certificate with it, the gateway restarted meanwhile: running pods keep what they have, and a
    rollout waits for the new one. None of these lost a request."""
    assert [step.name for step in STEPS if step.kind == "planned" and step.naive is None] == ["change-certificate"]


def test_steps_are_chosen_by_name_in_the_order_that_was_asked() -> None:
    assert [step.name for step in named(["scale", "drain-node"])] == ["scale", "drain-node"]
    assert named([]) == STEPS


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(LabError, match="no step reboot; there are three-into-the-mesh"):
        named(["scale", "reboot"])


def test_the_page_has_a_row_for_every_step() -> None:
    rows = {line.split("`")[1] for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| `")}
    assert rows == {step.name for step in STEPS}


def test_the_first_page_says_what_the_table_has() -> None:
    asked, lost = Counter[str](), Counter[str]()
    cells = [line.split("|") for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    for _, _, kind, _, _, requests, gone, *_ in cells:
        asked[kind.strip()] += int(requests)
        lost[kind.strip()] += int(re.findall(r"\d+", gone)[0])
    planned = len({name for _, name, kind, *_ in cells if kind.strip() == "planned"})
    said = " ".join((DOCUMENT.parents[1] / "README.md").read_text(encoding="utf-8").split())
    assert lost["planned"] == 0
    assert f"{planned} planned steps lost none of {asked['planned']:,} requests" in said
    assert f"lost {lost['naive']:,} of {asked['naive']:,}" in said

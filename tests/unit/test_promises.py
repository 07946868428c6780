"""A promise names what shows it, and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from meshops.adopt.registry import CHECKS as ADOPT
from meshops.attack.registry import ENTRIES
from meshops.preflight.run import CHECKS as PREFLIGHT
from meshops.verify.registry import CHECKS as VERIFY
from meshops.waves.run import ALL as WAVES
from tests import ROOT

KNOWN = {check.id for check in (*ADOPT, *ENTRIES, *PREFLIGHT, *VERIFY, *WAVES)}
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "meshops" / "plan" / "summary.py")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_check_and_attempt_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"\bM[APTVLW]\d{3}\b", page.read_text(encoding="utf-8")))
    assert named <= KNOWN


def test_each_decision_has_a_number_of_its_own() -> None:
    titles = {
        path.name: path.read_text(encoding="utf-8").partition("\n")[0] for path in (ROOT / "docs" / "adr").iterdir()
    }
    numbers = [int(name[:4]) for name in titles]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert all(title.startswith(f"# {int(name[:4])}. ") for name, title in titles.items())

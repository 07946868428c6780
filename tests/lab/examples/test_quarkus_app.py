"""The example quarkus-app: an entry of settings that cannot be taken, and its one command on a lab."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.commands import onboarding
from lab.errors import LabError
from tests import ROOT
from tests.whole_lab import WholeLab


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name: logistics", "it must be a list of namespaces"),
        ("- [", "cannot be read"),
    ],
)
def test_an_entry_that_is_no_list_of_namespaces_is_refused_in_one_line(tmp_path: Path, text: str, reason: str) -> None:
    entry = tmp_path / "entry.yaml"
    entry.write_text(text, encoding="utf-8")

    with pytest.raises(LabError, match=reason) as refused:
        onboarding.with_entry(ROOT, entry)

    assert str(entry) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_the_settings_refuse_is_refused_of_an_entry_too(tmp_path: Path) -> None:
    entry = tmp_path / "entry.yaml"
    entry.write_text("- {name: logistics, phase: strikt}", encoding="utf-8")

    with pytest.raises(LabError, match="strikt"):
        onboarding.difference(ROOT, entry)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_example_holds_on_a_lab(whole_lab: WholeLab) -> None:
    answer = whole_lab.command("example", "quarkus-app")

    assert answer.returncode == 0, answer.stdout[-3000:] + answer.stderr
    for line in (
        "## Plan of stack `lab`: 19 added, 0 removed, 17 changed",
        "ok: expected two pods with READY 2/2",
        "ok: expected exit code 0, `ZT12345678`, `HTTP 200`",
        "ok: expected exit code 0, `RBAC: access denied`, `HTTP 403`",
        "ok: expected exit code 56, `HTTP 000`",
        "ok: expected nothing left",
    ):
        assert line in answer.stdout
    assert re.search(r"^== (\d+) of \1 expectations held$", answer.stdout, re.MULTILINE)


def test_an_example_that_is_not_there_is_named_in_one_line(whole_lab: WholeLab) -> None:
    answer = whole_lab.command("example", "nothing")

    assert answer.returncode == 1
    assert re.fullmatch(r"lab: there is no example 'nothing': there are [a-z, -]+\n", answer.stderr)

"""A real preview's output in both of its forms, and in none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshops.review.preview import Preview, load

_URN = "urn:pulumi:dev::zero-trust-mesh::aws:iam/role:Role::"
_KEY = "aws:iam/role:Role::"


def _loaded(tmp_path: Path, text: str) -> Preview:
    (tmp_path / "dev.json").write_text(text)
    found = load(tmp_path / "dev.json")
    assert found is not None
    return found


def _steps(*steps: tuple[str, str]) -> list[dict[str, str]]:
    return [{"op": operation, "urn": f"{_URN}{name}"} for operation, name in steps]


def test_a_digest_counts_a_replacement_of_three_steps_once(tmp_path: Path) -> None:
    steps = _steps(
        ("same", "a"), ("create-replacement", "b"), ("replace", "b"), ("delete-replaced", "b"), ("delete", "c")
    )
    found = _loaded(tmp_path, json.dumps({"steps": steps, "changeSummary": {"same": 1}, "diagnostics": []}))
    assert found.operations == {f"{_KEY}b": "replace", f"{_KEY}c": "delete"}
    assert (found.same, found.failed) == (1, "")
    assert found.counts == {"create": 0, "update": 0, "replace": 1, "delete": 1}


def test_streamed_events_say_the_same(tmp_path: Path) -> None:
    events: list[dict[str, Any]] = [
        {"sequence": 0, "preludeEvent": {"config": {}}},
        {"sequence": 1, "resourcePreEvent": {"metadata": {"op": "update", "urn": f"{_URN}a"}}},
        {"sequence": 2, "diagnosticEvent": {"severity": "warning", "message": "hm"}},
        {"sequence": 3, "summaryEvent": {"resourceChanges": {"update": 1}}},
    ]
    found = _loaded(tmp_path, "\n".join(map(json.dumps, events)))
    assert (dict(found.operations), found.failed) == ({f"{_KEY}a": "update"}, "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "The preview wrote nothing."),
        ("error: no credentials\n", "cannot be read"),
        (json.dumps({"diagnostics": [{"severity": "error", "message": "no credentials"}]}), "no credentials"),
        (json.dumps({"steps": _steps(("create", "a"))}), "no summary"),
        (json.dumps({"sequence": 1, "diagnosticEvent": {"severity": "error", "message": "stack is locked"}}), "locked"),
        ("[1]", "cannot be read"),
    ],
)
def test_a_preview_that_did_not_end_well_failed(tmp_path: Path, text: str, reason: str) -> None:
    assert reason in _loaded(tmp_path, text).failed


def test_no_file_is_no_preview(tmp_path: Path) -> None:
    assert load(tmp_path / "dev.json") is None

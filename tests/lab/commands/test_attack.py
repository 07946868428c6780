"""The short form of `make attack` on a whole lab: what succeeds stands on the list, and what is legitimate passes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshops.attack.registry import ATTEMPTS, LEGITIMATE
from tests.whole_lab import WholeLab

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def report(whole_lab: WholeLab, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every attempt, and few generated requests."""
    target: Path = tmp_path_factory.mktemp("attack") / "report.json"
    ran = whole_lab.command("attack", "--generated", "120", "--format", "json", "--output", str(target))
    assert target.is_file(), f"{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}"
    return json.loads(target.read_text(encoding="utf-8"))


def test_no_attempt_succeeds_that_is_not_listed(report: dict[str, Any]) -> None:
    assert [f"{item['id']} {item['finding']}" for item in report["results"] if _wrong(item, "MA")] == []


def test_every_legitimate_request_passes(report: dict[str, Any]) -> None:
    assert [f"{item['id']} {item['finding']}" for item in report["results"] if _wrong(item, "ML")] == []


def test_all_of_them_were_made(report: dict[str, Any]) -> None:
    left = [note for note in report["notes"] if note.startswith("nothing in this stack")]
    made = {item["id"] for item in report["results"]}
    missing = {entry.id for entry in (*ATTEMPTS, *LEGITIMATE)} - made

    assert all(id in "".join(left) for id in missing), f"{missing}: {left}"
    assert len(missing) <= 3, "the lab has something to try nearly everything on"


def test_the_run_left_nothing(whole_lab: WholeLab, report: dict[str, Any]) -> None:
    pods = whole_lab.get("pods", "--all-namespaces", f"--selector=meshops.verify/run={report['run']}")["items"]
    bindings = whole_lab.get("rolebindings", "--all-namespaces", f"--selector=meshops.verify/run={report['run']}")[
        "items"
    ]
    routes = whole_lab.get("virtualservices", "--all-namespaces", f"--selector=meshops.verify/run={report['run']}")[
        "items"
    ]

    assert [item for item in pods if "deletionTimestamp" not in item["metadata"]] == []
    assert (bindings, routes) == ([], [])


def _wrong(item: dict[str, Any], prefix: str) -> bool:
    return item["id"].startswith(prefix) and item["status"] not in ("pass", "listed")

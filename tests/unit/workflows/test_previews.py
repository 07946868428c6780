"""Two previews compared (.github/scripts/previews.py), and which one was reviewed (reviewed.py)."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tests.unit.workflows.workflow_scripts import load

SCRIPTS = ROOT / ".github" / "scripts"
SHA, HEAD = "a" * 40, "b" * 40

previews = load(SCRIPTS / "previews.py")
reviewed = load(SCRIPTS / "reviewed.py")


def step(name: str, *, op: str = "create", inputs: Any = None, fields: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "op": op,
        "urn": f"urn:pulumi:dev::zero-trust-mesh::mesh:iam:Roles$aws:iam/role:Role::{name}",
        "newState": {"inputs": inputs or {}},
        "detailedDiff": {field: {"kind": "update"} for field in fields},
    }


def role(suffix: str) -> list[dict[str, Any]]:
    """A role that the provider names, and a policy attached to it by that name."""
    name = f"controller-{suffix}"
    made = step("controller", inputs={"__defaults": ["name", "path"], "name": name, "path": "/"})
    return [made, step("attached", inputs={"__defaults": [], "role": name, "policyArn": "arn:aws:iam::aws:policy/P"})]


def changes(*steps: dict[str, Any]) -> Any:
    return previews.changes({"steps": list(steps)})


def test_names_that_each_preview_makes_anew_are_no_difference() -> None:
    assert previews.compare(changes(*role("0a1b2c3")), changes(*role("ffffff0"))).same
    namespace = {"metadata": {"name": "jobs-1x2y3z4w", "annotations": {"pulumi.com/autonamed": "true"}}}
    again = json.loads(json.dumps(namespace).replace("1x2y3z4w", "9a9a9a9a"))
    assert previews.compare(changes(step("jobs", inputs=namespace)), changes(step("jobs", inputs=again))).same


def test_a_name_that_somebody_wrote_is_a_difference() -> None:
    one, other = ({"name": f"controller-{suffix}"} for suffix in ("0a1b2c3", "ffffff0"))
    assert not previews.compare(changes(step("c", inputs=one)), changes(step("c", inputs=other))).same


@pytest.mark.parametrize(
    "now",
    [
        step("a", op="update", inputs={"size": 3}, fields=("size",)),
        step("a", op="replace", inputs={"size": 2}, fields=("size",)),
        step("a", op="update", inputs={"size": 2}, fields=("size", "tags")),
        step("b", op="update", inputs={"size": 2}, fields=("size",)),
    ],
    ids=["another value", "another operation", "another field", "another resource"],
)
def test_whatever_else_differs_is_shown_from_both_sides(now: dict[str, Any]) -> None:
    then = step("a", op="update", inputs={"size": 2}, fields=("size",))
    comparison = previews.compare(changes(then), changes(now))
    assert not comparison.same
    not_reviewed = comparison.text.partition("#### Not reviewed\n\n")[2].partition("####")[0]
    assert not_reviewed.splitlines()[2] == f"- {changes(now)[0].line}"
    gone = comparison.text.partition("#### Reviewed, and not in it\n\n")[2].partition("<details>")[0]
    assert gone.splitlines()[2] == "- update: `aws:iam/role:Role a` (size)"


def test_what_is_lost_stands_before_what_is_made() -> None:
    text = previews.shown(changes(step("a"), step("b", op="delete"), step("c", op="replace"), step("d", op="same")))
    assert text.splitlines()[2:] == [
        "- replace: `aws:iam/role:Role c`",
        "- delete: `aws:iam/role:Role b`",
        "- create: `aws:iam/role:Role a`",
    ]


def test_a_preview_without_changes_needs_no_review_and_one_with_changes_does() -> None:
    assert previews.compare(None, changes(step("a", op="same"))).same
    assert previews.compare(changes(step("a")), ()).same
    assert not previews.compare(None, changes(step("a"))).same


def judged(
    tmp_path: Path, now: Any, *, accepted: tuple[str, ...] = (), then: Any = None
) -> tuple[int, str, dict[str, str]]:
    for name, document in (("now", now), ("then", then)):
        if document is not None:
            (tmp_path / name).write_text(json.dumps(document))
    return previews.judge("dev", tmp_path / "then", tmp_path / "now", accepted)


def test_what_nobody_reviewed_is_accepted_by_the_name_of_exactly_that(tmp_path: Path) -> None:
    now = {"steps": [step("a")]}
    code, text, outputs = judged(tmp_path, now)
    assert code == 1
    assert f"-f accept={outputs['digest']}" in text
    assert judged(tmp_path, now, accepted=("0" * 16,))[0] == 1
    assert judged(tmp_path, now, accepted=("0" * 16, outputs["digest"]))[0] == 0
    assert judged(tmp_path, {"steps": [step("b")]}, accepted=(outputs["digest"],))[0] == 1


@pytest.mark.parametrize(
    "now", [[], {"steps": [{}]}, {"steps": 7}, None], ids=["list", "no operation", "number", "none"]
)
def test_what_is_no_preview_is_never_as_reviewed(tmp_path: Path, now: Any) -> None:
    code, text, outputs = judged(tmp_path, now, then={"steps": []})
    assert (code, outputs) == (1, {})
    assert "**The preview failed; nothing was changed.**" in text


def test_a_reviewed_preview_that_had_failed_reviewed_nothing(tmp_path: Path) -> None:
    failed = {"steps": [step("a")], "diagnostics": [{"severity": "error", "message": "no"}]}
    code, text, _ = judged(tmp_path, {"steps": [step("a")]}, then=failed)
    assert code == 1
    assert "**No preview of this was reviewed.**" in text


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("", "mandatory policy MR101 violated"),
        ('{"steps": []}', "mandatory policy MR101 violated"),
        ('{"diagnostics": [{"severity": "error", "message": "of its own"}]}', "of its own"),
    ],
    ids=["nothing", "no diagnostic", "one of its own"],
)
def test_a_preview_that_fails_leaves_why(tmp_path: Path, answer: str, message: str) -> None:
    make = tmp_path / "make"
    make.write_text(f"#!/bin/sh\necho '{answer}'\necho 'mandatory policy MR101 violated' >&2\nexit 2\n")
    make.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [sys.executable, str(SCRIPTS / "previews.py"), "take", "dev", "out"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    with pytest.raises(previews.Unusable) as error:
        previews.read(tmp_path / "out" / "dev.json")
    assert str(error.value) == message


class Api:
    """A merged pull request whose preview is the artifact of these runs."""

    def __init__(self, *, runs: list[dict[str, Any]], **pull: Any) -> None:
        merged = {
            "merged_at": "2026-11-22",
            "merge_commit_sha": SHA,
            "head": {"sha": HEAD},
            "base": {"repo": {"id": 1}},
        }
        self.pull = {"number": 12, **merged, **pull}
        self.runs = runs

    def get(self, path: str) -> Any:
        if path.startswith(f"/repos/e/m/commits/{SHA}/pulls"):
            return [self.pull]
        if "/workflows/preview.yml/runs?" in path:
            assert f"head_sha={HEAD}&event=pull_request" in path
            return {"workflow_runs": self.runs}
        run = path.split("/")[6]
        return {"artifacts": [{"id": int(run), "name": "preview-dev", "expired": run == "5"}]}

    def get_bytes(self, path: str, limit: int) -> bytes:
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w") as archive:
            archive.writestr("dev.json", path)
        return written.getvalue()


def run(identifier: int, *, repository: int = 1) -> dict[str, Any]:
    return {"id": identifier, "head_sha": HEAD, "head_repository": {"id": repository}}


def test_the_newest_preview_of_the_merged_head_is_the_reviewed_one_and_a_forks_is_none() -> None:
    api = Api(runs=[run(4), run(3), run(5), run(9, repository=99)])
    pull = reviewed.merged_pull(api, "e/m", SHA)
    assert reviewed.preview_of(api, "e/m", pull, "dev") == b"/repos/e/m/actions/artifacts/4/zip"
    with pytest.raises(reviewed.Refused, match="no preview of stack dev at its last commit"):
        reviewed.preview_of(Api(runs=[run(9, repository=99), run(5)]), "e/m", pull, "dev")


@pytest.mark.parametrize("pull", [{"merged_at": None}, {"merge_commit_sha": HEAD}])
def test_a_commit_that_no_pull_request_became_was_not_reviewed(pull: dict[str, Any]) -> None:
    with pytest.raises(reviewed.Refused, match="came from no merged pull request"):
        reviewed.merged_pull(Api(runs=[], **pull), "e/m", SHA)

"""A pull request on the scene's GitHub: opened, run, commented, merged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.workflows.fake_github import REPOSITORY
from tests.workflows.scene import Ran, Scene

NUMBER = 12
OURS = {"id": 1, "full_name": REPOSITORY, "owner": {"login": "example"}}
FORK = {"id": 99, "full_name": "stranger/mesh", "owner": {"login": "stranger"}}


@dataclass(frozen=True, kw_only=True)
class Request:
    head: str
    merge: str
    repository: Mapping[str, Any]
    document: Mapping[str, Any]


def opened(scene: Scene, changes: Mapping[str, str | None], *, repository: Mapping[str, Any] = OURS) -> Request:
    """A pull request with one commit, from a branch of ours or of a fork."""
    head = scene.commit(changes, branch="change")
    merge = scene.merge("change", onto="pull")
    pull = {
        "number": NUMBER,
        "head": {"ref": "change", "sha": head, "repo": dict(repository)},
        "base": {"ref": "main", "sha": scene.github.tip, "repo": OURS},
        "user": {"login": "somebody"},
        "merged_at": None,
        "merge_commit_sha": merge,
    }
    scene.github.pulls = [pull]
    return Request(head=head, merge=merge, repository=repository, document=pull)


def previewed(scene: Scene, request: Request) -> Ran:
    """A run of preview.yml, as opening the pull request or pushing to it starts one."""
    event = {"pull_request": request.document}
    ran = scene.run("pull_request", event, sha=request.merge, workflow="preview.yml", ref=f"refs/pull/{NUMBER}/merge")
    scene.github.runs.append({"id": ran.id, "head_sha": request.head, "head_repository": request.repository})
    return ran


def commented(scene: Scene, request: Request, ran: Ran) -> Ran:
    """A run of preview-comment.yml, as the end of the other starts it."""
    run = {
        "id": ran.id,
        "event": "pull_request",
        "head_sha": request.head,
        "head_branch": "change",
        "head_repository": request.repository,
        "conclusion": "success" if ran.code == 0 else "failure",
    }
    event = {"workflow_run": run, "workflow": {"name": "Preview"}, "action": "completed"}
    return scene.run("workflow_run", event, sha=scene.github.tip, workflow="preview-comment.yml")


def merged(scene: Scene, request: Request) -> None:
    """Main is now at the pull request's merge."""
    scene.git("branch", "--force", "main", request.merge)
    scene.github.tip = request.merge
    (pull,) = scene.github.pulls
    pull["merged_at"] = "2026-11-22T00:00:00Z"


def comments(scene: Scene) -> list[str]:
    """What the pull request's comments say, without what each run names anew."""
    found = [one["body"] for one in scene.github.comments if one["viewerDidAuthor"]]
    return [re.sub(r"/runs/\d+", "/runs/N", re.sub(r"\b[0-9a-f]{12}\b", "COMMIT", body)) for body in found]

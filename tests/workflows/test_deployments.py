"""A commit of main on its way through the environments: deploy.yml, run by act from the push to the proofs.

GitHub's own part is not here: an environment's required reviewers and its concurrency, which act passes over.
Stand-ins, as scene.py says: AWS's credentials, the Pulumi CLI, `make test`, `make preflight` and `make verify`.
"""

from __future__ import annotations

import hashlib
import json
import re

import pytest

from tests.workflows.reviews import merged, opened, previewed
from tests.workflows.scene import Ran, Scene

pytestmark = pytest.mark.timeout(900)  # act itself is built the first time


def merge_of(scene: Scene, *stacks: str, run: bool = False) -> None:
    """A pull request that changes these stacks, previewed and merged. run: by preview.yml; else with what it leaves."""
    changed = {f"Pulumi.{stack}.yaml": f"{scene.read(f'Pulumi.{stack}.yaml')}\n# A remark.\n" for stack in stacks}
    request = opened(scene, changed)
    if run:
        assert previewed(scene, request).code == 0
    else:
        scene.github.runs.append({"id": 7, "head_sha": request.head, "head_repository": request.repository})
        for stack in stacks:
            left = scene.directory / "artifacts" / "7" / f"preview-{stack}" / f"{stack}.json"
            left.parent.mkdir(parents=True)
            asked = hashlib.sha256((scene.repository / f"Pulumi.{stack}.yaml").read_bytes()).hexdigest()
            urn = f"urn:pulumi:{stack}::zero-trust-mesh::aws:eks/cluster:Cluster::{stack}"
            step = {"op": "create", "urn": urn, "newState": {"inputs": {"settings": asked}}}
            left.write_text(json.dumps({"steps": [step]}), encoding="utf-8")
    merged(scene, request)


def pushed(scene: Scene, *, accept: str = "") -> Ran:
    """A run of deploy.yml for what main is at."""
    event = "workflow_dispatch" if accept else "push"
    inputs = {"accept": accept} if accept else {}
    return scene.run(event, {"ref": "refs/heads/main"}, sha=scene.github.tip, workflow="deploy.yml", inputs=inputs)


def called(scene: Scene, job: str) -> list[str]:
    """`<command> <stack>` of each call of the CLI in a job."""
    found = (re.match(rf"{job} (.+?) .*--stack (\S+)", line) for line in scene.log("pulumi.log"))
    return [f"{match[1]} {match[2]}" for match in found if match]


def stands(scene: Scene, stack: str) -> bool:
    return (scene.directory / f"{stack}.state").exists()


def test_what_was_reviewed_is_deployed_to_dev_then_to_prod_each_behind_its_proofs(scene: Scene) -> None:
    merge_of(scene, "dev", "prod", run=True)
    ran = pushed(scene)
    assert ran.code == 0, ran.output
    assert scene.log("make.log") == ["make test", "preflight dev", "verify dev", "preflight prod", "verify prod"]
    assert called(scene, "up") == [
        f"{command} {stack}" for stack in ("dev", "prod") for command in ("preview", "up", "stack")
    ]
    assert [line.split()[:2] for line in scene.log("roles.log")][2:] == [
        [job, f"arn:aws:iam::111122223333:role/{role}-{stack}"]
        for stack in ("dev", "prod")
        for job, role in (("preview", "preview"), ("up", "deploy"))
    ]
    assert "As it was reviewed:" in ran.output
    assert scene.github.issues == []


def test_what_was_not_reviewed_stops_before_anything_changes_until_exactly_that_is_accepted(scene: Scene) -> None:
    merge_of(scene, "dev")
    # Somebody has pushed past it since.
    scene.git("checkout", "--quiet", "main")
    file = scene.repository / "Pulumi.dev.yaml"
    file.write_text(f"{file.read_text()}# Not reviewed.\n")
    scene.git("commit", "--quiet", "--all", "--message", "Not reviewed")
    (pull,) = scene.github.pulls
    scene.github.tip = pull["merge_commit_sha"] = scene.git("rev-parse", "HEAD")

    ran = pushed(scene)
    assert ran.code == 1
    assert "**It differs from what was reviewed.**" in ran.output
    assert "#### Not reviewed" in ran.output
    assert called(scene, "up") == []
    (issue,) = scene.github.issues
    assert issue["title"] == "Deploying dev failed"
    assert "stopped at **compare**" in issue["body"]
    assert "What stood before: `pulumi up` was not reached, and nothing was changed." in issue["body"]

    accept = re.search(r"-f accept=([0-9a-f]{16})", ran.output)
    assert accept
    # Prod's preview is as little reviewed as dev's.
    again = pushed(scene, accept=accept[1])
    assert stands(scene, "dev")
    assert not stands(scene, "prod")
    assert f"Accepted by hand as `{accept[1]}`." in again.output
    assert issue["state"] == "closed"


def test_an_update_that_meets_a_lock_stops_before_prod_and_its_issue_says_what_stands_and_what_to_do(
    scene: Scene,
) -> None:
    merge_of(scene, "dev", "prod")
    scene.faults("locked dev")
    assert pushed(scene).code == 1
    assert [line for line in scene.log("pulumi.log") if "--stack prod" in line and line.startswith("up")] == []
    (issue,) = scene.github.issues
    assert "stopped at **up**" in issue["body"]
    assert "A part of the change: `pulumi up` began and did not end." in issue["body"]
    assert "### How to go back\n\nRevert the pull request on main" in issue["body"]
    assert "### A lock" in issue["body"]
    assert "created by runner@old-runner (pid 7)" in issue["body"]
    assert "`pulumi cancel --stack dev`" in issue["body"]


def test_a_proof_that_fails_stops_before_prod_with_all_of_the_change_standing(scene: Scene) -> None:
    merge_of(scene, "dev", "prod")
    scene.faults("verify dev")
    assert pushed(scene).code == 1
    assert stands(scene, "dev")
    assert not stands(scene, "prod")
    (issue,) = scene.github.issues
    assert "All of the change. `verify` did not pass on it" in issue["body"]


def test_a_stack_in_which_nothing_changes_asks_for_no_approval(scene: Scene) -> None:
    scene.variables["DEPLOY_ROLE_PROD"] = ""
    stands = hashlib.sha256((scene.repository / "Pulumi.dev.yaml").read_bytes()).hexdigest()
    (scene.directory / "dev.state").write_text(stands)
    ran = pushed(scene)
    assert ran.code == 0
    assert "up" not in ran.jobs
    assert called(scene, "preview") == ["preview dev"]
    assert scene.log("make.log") == ["make test"]


def test_a_deployed_stack_whose_file_is_gone_is_not_passed_over(scene: Scene) -> None:
    request = opened(scene, {"Pulumi.prod.yaml": None})
    merged(scene, request)
    ran = pushed(scene)
    assert ran.code == 1
    assert ran.jobs["stacks"] == "failed"
    assert "::error::DEPLOY_ROLE_PROD is set, and there is no stack file for it" in ran.output
    assert scene.log("pulumi.log") == []

"""What runs by the clock: drift.yml and sandbox.yml, run by act from trigger to end.

Stand-ins, as scene.py says: AWS's credentials, the Pulumi and AWS CLIs, `make preflight`, `make verify`, `make attack`.
"""

from __future__ import annotations

import hashlib

import pytest

from tests.workflows.conftest import ROLES
from tests.workflows.scene import Ran, Scene

pytestmark = pytest.mark.timeout(900)  # act itself is built the first time


def night(scene: Scene, workflow: str) -> Ran:
    return scene.run("schedule", {"schedule": "nightly"}, sha=scene.github.tip, workflow=workflow)


def test_drift_has_one_issue_that_is_opened_edited_and_closed(scene: Scene) -> None:
    scene.variables["VERIFY_ROLE_PROD"] = f"{ROLES}/verify-prod"
    (scene.directory / "dev.state").write_text("what somebody made by hand")
    scene.faults("preview prod", "verify prod")
    assert night(scene, "drift.yml").code == 1
    refreshed = [line for line in scene.log("pulumi.log") if line.startswith("preview")]
    assert len(refreshed) == 2
    assert all(line.endswith("--refresh") for line in refreshed)
    assert {line.split()[1].rpartition("/")[2] for line in scene.log("roles.log")} == {
        "preview-dev",
        "preview-prod",
        "verify-prod",
    }
    (issue,) = scene.github.issues
    assert issue["title"] == "What runs is not what was deployed"
    assert "## `dev`\n\nThe refreshed preview would change:\n\n**1 update**" in issue["body"]
    assert "- update: `aws:eks/cluster:Cluster dev` (settings)" in issue["body"]
    assert "## `prod`\n\nThe preview failed, so nothing is known:" in issue["body"]
    assert "`make verify` did not pass:" in issue["body"]

    # As it is deployed; only dev's cluster differs.
    scene.faults("drift dev")
    for stack in ("dev", "prod"):
        deployed(scene, stack)
    assert night(scene, "drift.yml").code == 0
    assert len(scene.github.issues) == 1
    assert "## `prod`" not in issue["body"]

    scene.faults()
    assert night(scene, "drift.yml").code == 0
    assert issue["state"] == "closed"


def deployed(scene: Scene, stack: str) -> None:
    asked = hashlib.sha256((scene.repository / f"Pulumi.{stack}.yaml").read_bytes()).hexdigest()
    (scene.directory / f"{stack}.state").write_text(asked)


def sandbox(scene: Scene) -> None:
    """Dev's settings in an account of their own."""
    scene.git("checkout", "--quiet", "main")
    (scene.repository / "Pulumi.sandbox.yaml").write_text(scene.read("Pulumi.dev.yaml"))
    scene.git("add", "--all")
    scene.git("commit", "--quiet", "--message", "A sandbox")
    scene.github.tip = scene.git("rev-parse", "HEAD")
    scene.variables |= {
        "SANDBOX_STACK": "sandbox",
        "SANDBOX_ROLE": f"{ROLES}/sandbox",
        "SANDBOX_CEILING_USD": "100",
        "PULUMI_BACKEND_URL_SANDBOX": "s3://state-sandbox",
    }


def commands(scene: Scene) -> list[str]:
    return [line.split()[1] for line in scene.log("pulumi.log")]


def test_the_sandbox_is_made_proved_attacked_and_gone(scene: Scene) -> None:
    sandbox(scene)
    ran = night(scene, "sandbox.yml")
    assert ran.code == 0, ran.output
    assert commands(scene) == ["up", "stack", "cancel", "destroy"]
    assert scene.log("make.log") == ["preflight sandbox", "verify sandbox", "attack sandbox"]
    assert "This month the account has cost 12.50 USD; the ceiling is 100.00." in ran.output
    assert "Nothing is left." in ran.output
    assert scene.github.issues == []


def test_a_sandbox_whose_proofs_fail_is_destroyed_all_the_same_and_what_it_leaves_is_named(scene: Scene) -> None:
    sandbox(scene)
    scene.faults("verify sandbox")
    (scene.directory / "left").write_text(
        "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-1 arn:aws:kms:eu-west-1:1:key/pending"
    )
    assert night(scene, "sandbox.yml").code == 1
    assert commands(scene)[-1] == "destroy"
    assert scene.log("make.log")[-1] == "attack sandbox"
    (issue,) = scene.github.issues
    assert "stopped at **destroy, up**" in issue["body"]
    assert (
        "### Still there, and paid for\n\n```text\n arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-1\n```" in issue["body"]
    )


def test_the_sandbox_does_not_begin_above_its_ceiling(scene: Scene) -> None:
    sandbox(scene)
    (scene.directory / "cost").write_text("100.01")
    assert night(scene, "sandbox.yml").code == 1
    assert "up" not in commands(scene)


def test_without_an_account_the_sandbox_does_nothing(scene: Scene) -> None:
    ran = night(scene, "sandbox.yml")
    assert ran.code == 0, ran.output
    assert scene.log("roles.log") == scene.github.written == []

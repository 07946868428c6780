"""The example for GitLab (docs/ci/gitlab-ci.yml): the scripts of its jobs, run in a checkout as a runner would.

GitLab's own part is not here: rules, id tokens, environments, artifacts. Stand-ins: the Pulumi CLI and what `make`
would take minutes for.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests import ROOT
from tests.workflows.reviews import opened
from tests.workflows.scene import Scene

PIPELINE = yaml.safe_load((ROOT / "docs" / "ci" / "gitlab-ci.yml").read_text(encoding="utf-8"))


def job(name: str) -> dict[str, Any]:
    """A job with what it extends."""
    own = PIPELINE[name]
    return {**(job(own["extends"]) if "extends" in own else {}), **own}


def run(scene: Scene, checkout: Path, name: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """All lines of a job in one shell that ends with the first failure, as GitLab's runner does."""
    found = job(name)
    lines = [*found.get("before_script", []), *found["script"]]
    environment = {
        **{key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG")},
        "SCENE": str(scene.directory),
        "SCENE_PYTHON": sys.executable,
        "GITHUB_JOB": name,
        "PULUMI_STAND_IN_VERSION": "3.272.0",
        "AWS_ACCESS_KEY_ID": "stand-in",
        "AWS_TOKEN": "an-id-token",
        **{key: os.path.expandvars(value) for key, value in found.get("variables", {}).items()},
        **variables,
    }
    environment["PATH"] = ":".join(
        (*(f"{scene.directory}/{name}" for name in ("bin", "programs", "runner")), environment["PATH"])
    )
    command = ["bash", "-eo", "pipefail", "-c", "\n".join(lines)]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=200)


def checkout(scene: Scene, sha: str) -> Path:
    folder = scene.directory / "builds"
    subprocess.run(["git", "clone", "--quiet", f"file://{scene.repository}", str(folder)], check=True)
    subprocess.run(["git", "checkout", "--quiet", "--detach", sha], cwd=folder, check=True)
    return folder


def test_every_job_belongs_to_a_stage_and_calls_what_there_is() -> None:
    targets = (ROOT / "Makefile").read_text(encoding="utf-8")
    jobs = {name: job(name) for name in PIPELINE if isinstance(PIPELINE[name], dict) and "stage" in PIPELINE[name]}
    for name, found in jobs.items():
        assert found["stage"] in PIPELINE["stages"], name
        for line in found["script"]:
            for target in [part.split()[1] for part in line.split("; ") if part.startswith("make ")]:
                assert target == "pr-comment" or f"\n{target}: " in targets, f"{name}: make {target}"


def test_a_merge_request_is_previewed_and_reviewed(scene: Scene) -> None:
    request = opened(scene, {"Pulumi.dev.yaml": f"{scene.read('Pulumi.dev.yaml')}\n# A remark.\n"})
    folder = checkout(scene, request.merge)
    preview = run(scene, folder, "preview-dev", PULUMI_BACKEND_URL="s3://state", ROLE="arn")
    assert preview.returncode == 0, preview.stderr
    review = run(scene, folder, "review", CI_MERGE_REQUEST_DIFF_BASE_SHA=scene.github.tip)
    assert review.returncode == 0, review.stdout + review.stderr
    (path,) = job("review")["artifacts"]["paths"]
    assert "- `dev`: it can be planned\n  - the preview: {'create': 1}" in (folder / path).read_text()


def test_main_is_deployed_behind_its_proofs_and_its_drift_fails_the_nights_job(scene: Scene) -> None:
    folder = checkout(scene, scene.github.tip)
    for stack in ("dev", "prod"):
        done = run(scene, folder, f"up-{stack}", PULUMI_BACKEND_URL="s3://state", ROLE="arn")
        assert done.returncode == 0, done.stdout + done.stderr
    assert scene.log("make.log") == ["preflight dev", "verify dev", "preflight prod", "verify prod"]
    assert run(scene, folder, "drift-dev", PULUMI_BACKEND_URL="s3://state", ROLE="arn").returncode == 0
    scene.faults("drift dev")
    assert run(scene, folder, "drift-dev", PULUMI_BACKEND_URL="s3://state", ROLE="arn").returncode != 0

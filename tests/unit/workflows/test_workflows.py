"""The workflows: what the linters say of them, and the rules that no linter knows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import ROOT
from tests.github_tools import ACTIONLINT, github_tool

WORKFLOWS = tuple(sorted((ROOT / ".github" / "workflows").glob("*.yml")))
SAME_REPOSITORY = "github.event.pull_request.head.repo.full_name == github.repository"
NAMES = [path.name for path in WORKFLOWS]


def read(name: str) -> dict[str, Any]:
    # BaseLoader: every scalar as it is written, `on` among them.
    return yaml.load((ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8"), yaml.BaseLoader)


def jobs() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """(`file: job`, the workflow, the job) of every job."""
    for name in NAMES:
        workflow = read(name)
        for key, job in workflow["jobs"].items():
            yield f"{name}: {key}", workflow, job


def all_steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """(`file: job`, the step) of every step."""
    for where, _, job in jobs():
        for step in steps(job):
            yield where, step


def steps(job: dict[str, Any]) -> list[dict[str, Any]]:
    return job.get("steps", [])


def action(step: dict[str, Any]) -> str:
    return step.get("uses", "").partition("@")[0]


def gets_a_credential(job: dict[str, Any]) -> bool:
    return job["permissions"].get("id-token") == "write"


def one_step(*, on: str, run: str) -> str:
    return f"on: {on}\njobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n      - run: {run}\n"


@pytest.fixture(scope="session")
def actionlint() -> Path:
    return github_tool(ACTIONLINT)


@pytest.mark.timeout(330)
def test_actionlint_has_nothing_to_say(actionlint: Path) -> None:
    # Without shellcheck and pyflakes, so that it says the same on every machine.
    command = [str(actionlint), "-shellcheck=", "-pyflakes=", "-no-color", *map(str, WORKFLOWS)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


@pytest.mark.timeout(330)
def test_actionlint_does_find_what_is_wrong(actionlint: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(one_step(on="push", run="echo ${{ nothing.here }}"))
    result = subprocess.run([str(actionlint), "-shellcheck=", str(wrong)], capture_output=True, text=True)
    assert result.returncode == 1
    assert 'undefined variable "nothing"' in result.stdout


def zizmor(*paths: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("zizmor", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert program, "zizmor is missing: install requirements-dev.txt."
    command = [program, "--offline", "--pedantic", "--strict-collection", "--no-progress", "--color=never"]
    return subprocess.run([*command, *map(str, paths)], cwd=ROOT, capture_output=True, text=True)


def test_zizmor_has_nothing_to_say_at_its_pedantic_setting() -> None:
    result = zizmor(ROOT / ".github")
    assert result.returncode == 0, result.stdout + result.stderr
    assert all(f"completed {ROOT}/.github/workflows/{name}" in result.stderr for name in NAMES), result.stderr


def test_zizmor_does_find_what_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(one_step(on="pull_request_target", run="echo ${{ github.head_ref }}"))
    result = zizmor(wrong)
    assert result.returncode != 0
    assert "template-injection" in result.stdout
    assert "dangerous-triggers" in result.stdout


def test_the_only_finding_waved_through_is_the_trigger_of_the_comment() -> None:
    pattern = re.compile(r"zizmor: ignore\[(.*?)\]")
    ignores = [(path.name, rule) for path in WORKFLOWS for rule in pattern.findall(path.read_text(encoding="utf-8"))]
    assert ignores == [("preview-comment.yml", "dangerous-triggers")]


def test_every_action_is_pinned_to_one_commit_with_its_version_beside_it() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for used in re.findall(r"^\s*(?:- )?uses: (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE):
            if used.startswith("./.github/workflows/"):
                continue
            pinned = re.fullmatch(r"([\w.-]+/[\w.-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)", used)
            assert pinned, f"{path.name}: {used!r} is not `owner/name@<40 hex digits> # vX.Y.Z`"
            pins.setdefault(pinned[1], set()).add(pinned[2])
    assert pins
    assert {name: versions for name, versions in pins.items() if len(versions) > 1} == {}


def test_no_step_runs_an_action_from_the_checkout() -> None:
    assert [where for where, step in all_steps() if step.get("uses", "").startswith((".", "$"))] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_has_no_rights_but_those_a_job_asks_for(name: str) -> None:
    workflow = read(name)
    assert workflow["permissions"] == {}
    for key, job in workflow["jobs"].items():
        assert job["permissions"], f"{name}: {key} does not say what it may do"


def test_every_job_is_bounded_in_time() -> None:
    # A job that calls a workflow is bounded by that workflow's jobs.
    minutes = {where: int(job.get("timeout-minutes", 0)) for where, _, job in jobs() if "uses" not in job}
    assert {where: limit for where, limit in minutes.items() if not 0 < limit <= 120} == {}


def test_no_workflow_uses_a_stored_secret_or_the_trigger_that_hands_them_to_forks() -> None:
    for path in WORKFLOWS:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\bsecrets(\.|:|\[)", text), f"{path.name} uses a stored secret"
        assert "pull_request_target" not in text


def test_no_checkout_leaves_its_token_behind() -> None:
    checkouts = [(where, step) for where, step in all_steps() if action(step) == "actions/checkout"]
    assert checkouts
    assert [where for where, step in checkouts if step["with"].get("persist-credentials") != "false"] == []


def test_no_expression_is_pasted_into_a_shell() -> None:
    assert [where for where, step in all_steps() if "${{" in step.get("run", "")] == []


def test_what_runs_a_forks_code_can_only_read_the_repository() -> None:
    fork_jobs = []
    for where, workflow, job in jobs():
        if "pull_request" not in workflow["on"] or job.get("if", "").endswith(f"&& {SAME_REPOSITORY}"):
            continue
        fork_jobs.append(where)
        assert job["permissions"] == {"contents": "read"}, f"{where} runs a fork's code with {job['permissions']}"
        assert "environment" not in job, f"{where} runs a fork's code with an environment's secrets"
        assert job["runs-on"] == "ubuntu-latest", f"{where} runs a fork's code on a machine that is not thrown away"
        assert "github.token" not in str(job), f"{where} hands the token to a fork's code"
    assert fork_jobs == ["preview.yml: stacks", "preview.yml: review", "test.yml: test"]


def test_only_what_asks_aws_gets_a_credential() -> None:
    assert [where for where, _, job in jobs() if gets_a_credential(job)] == [
        "deploy-stack.yml: preview",
        "deploy-stack.yml: up",
        "deploy.yml: dev",
        "deploy.yml: prod",
        "drift.yml: preview",
        "drift.yml: verify",
        "preview.yml: preview",
        "sandbox.yml: up",
        "sandbox.yml: destroy",
    ]


def test_what_may_write_on_github_holds_no_credential_of_aws_and_runs_the_default_branchs_scripts_alone() -> None:
    writers = {}
    for where, _, job in jobs():
        if "uses" in job or not {"issues", "pull-requests"} & {
            key for key, value in job["permissions"].items() if value == "write"
        }:
            continue
        assert not gets_a_credential(job), where
        assert "environment" not in job, where
        (checkout,) = [step for step in steps(job) if action(step) == "actions/checkout"]
        assert checkout["with"] == {"persist-credentials": "false", "sparse-checkout": ".github/scripts"}, where
        writers[where] = [step["run"].split()[:2] for step in steps(job) if "run" in step]
    scripts = {"comment": "review_comment.py"}
    assert writers == {
        where: [["python3", f".github/scripts/{scripts.get(where.split()[1], 'report.py')}"]]
        for where in (
            "deploy-stack.yml: report",
            "drift.yml: report",
            "preview-comment.yml: comment",
            "sandbox.yml: report",
        )
    }


def test_a_job_with_a_credential_installs_by_hashes_before_it_gets_it() -> None:
    for where, _, job in jobs():
        if not gets_a_credential(job) or "uses" in job:
            continue
        listed = [step.get("run") or action(step) for step in steps(job)]
        credential = listed.index("aws-actions/configure-aws-credentials")
        assert listed.index("make install") < credential, where
        assert not any("pip install" in step for step in listed), where
        assert not any(step.startswith("actions/setup-") for step in listed[credential:]), where
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert recipe.count("pip install") == 2, "make install and make lock"
    assert "--require-hashes -r requirements.lock" in recipe


def test_the_lock_has_every_package_of_the_environment_at_its_version_with_its_hashes() -> None:
    def pins(name: str) -> dict[str, str]:
        found = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\n]+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
        return {re.sub(r"[._-]+", "-", package).lower(): version for package, version in found}

    lock, only_on_windows = pins("requirements.lock"), {"colorama", "pywin32"}
    wanted = pins("constraints.txt")
    assert {package: lock[package] for package in lock if package not in only_on_windows} == wanted, "make lock"
    for requirements in ("requirements.txt", "requirements-dev.txt"):
        assert pins(requirements).items() <= lock.items(), "make lock"


def test_a_job_with_a_credential_or_a_writing_token_restores_no_cache() -> None:
    for where, _, job in jobs():
        if "write" not in job["permissions"].values():
            continue
        for step in steps(job):
            assert action(step) not in ("actions/cache", "actions/setup-go"), f"{where} restores a cache"
            assert "cache" not in step.get("with", {}), f"{where} restores a cache"


def test_the_comment_is_made_by_the_end_of_every_preview() -> None:
    workflow = read("preview-comment.yml")
    assert workflow["on"] == {"workflow_run": {"workflows": [read("preview.yml")["name"]], "types": ["completed"]}}
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"actions": "read", "contents": "read", "pull-requests": "write"}


def test_the_pulumi_cli_is_installed_at_the_programs_version_and_called_by_make_alone() -> None:
    installed = [step for _, step in all_steps() if action(step) == "pulumi/actions"]
    assert installed
    assert [step["with"] for step in installed if step["with"] != {"pulumi-version": pulumi_pin()}] == []


def test_a_deployment_is_guarded_by_its_environment_and_never_stopped_half_way() -> None:
    job = read("deploy-stack.yml")["jobs"]["up"]
    assert job["environment"] == "${{ inputs.stack }}"
    assert job["concurrency"] == {"group": "deploy-${{ inputs.stack }}", "cancel-in-progress": "false"}
    assert job["needs"] == "compare", (
        "an approver is asked only where the preview is what was reviewed, having it before him"
    )


def test_every_stack_on_aws_but_the_sandbox_has_a_job_that_deploys_it() -> None:
    files = {path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml")} - {"lab"}
    deployed = {job.get("with", {}).get("stack") for job in read("deploy.yml")["jobs"].values()} - {None}
    assert deployed == files


def test_the_runner_of_whatever_reaches_aws_is_the_repositorys_to_choose() -> None:
    for where, _, job in jobs():
        if gets_a_credential(job) and "uses" not in job:
            chosen = re.fullmatch(r"\$\{\{ format\((.+), github\.run_id, github\.run_attempt\) \}\}", job["runs-on"])
            assert chosen, where
            assert chosen[1] in ("matrix.runner", "inputs.runner", "needs.settings.outputs.runner"), where


def test_a_push_to_main_is_tested_then_deployed_to_dev_then_to_prod() -> None:
    workflow = read("deploy.yml")
    assert workflow["on"]["push"] == {"branches": ["main"]}
    assert {
        key: (job["uses"].rpartition("/")[2], job.get("needs"), job.get("with", {}).get("stack"))
        for key, job in workflow["jobs"].items()
        if "uses" in job
    } == {
        "test": ("test.yml", None, None),
        "dev": ("deploy-stack.yml", ["test", "stacks"], "dev"),
        "prod": ("deploy-stack.yml", "dev", "prod"),
    }


def test_the_tests_run_on_every_pull_request_with_the_labs_toolchain_cached_by_its_sources() -> None:
    workflow = read("test.yml")
    assert workflow["on"] == {"pull_request": "", "workflow_call": "", "schedule": [{"cron": "41 4 * * 1"}]}
    job = workflow["jobs"]["test"]
    assert job["steps"][-1] == {
        "run": 'sudo env "PATH=$PATH" "ZTM_CACHE=$HOME/.cache/zero-trust-mesh" make "$TARGET"',
        "env": {"TARGET": "${{ github.event_name == 'schedule' && 'test-long' || 'test' }}"},
    }
    (cache,) = [step["with"] for step in steps(job) if action(step) == "actions/cache"]
    assert cache == {
        "path": "~/.cache/zero-trust-mesh",
        "key": "toolchain-${{ runner.os }}-${{ runner.arch }}-${{ hashFiles('lab/toolchain/**', "
        "'lab/build/go_module.py', 'lab/build/charts.py', 'lab/build/packages.py', '.github/tools/go.sum') }}",
    }


def test_every_job_that_sets_up_python_takes_the_programs_version() -> None:
    setups = [step for _, step in all_steps() if action(step) == "actions/setup-python"]
    assert {step["with"]["python-version"] for step in setups} == {"3.11"}


def pulumi_pin() -> str:
    pin = re.search(r"^pulumi==(\S+)$", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert pin
    return pin[1]

"""Which stacks a pull request touches, a night watches and main deploys (.github/scripts/stacks.py)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import ROOT
from tests.unit.workflows.workflow_scripts import load

SCRIPT = ROOT / ".github" / "scripts" / "stacks.py"
ROLE = "arn:aws:iam::111122223333:role/mesh-preview"
BACKEND = "s3://example-state?region=eu-west-1"
REGIONS = {"dev": "eu-west-1", "prod": "eu-central-1", "eu-test": "eu-west-1"}


stacks = load(SCRIPT)


def test_the_stacks_of_this_repository_are_dev_and_prod_and_never_the_lab() -> None:
    assert stacks.stacks_of(path.name for path in ROOT.iterdir()) == ("dev", "prod")


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_a_stacks_region_is_the_one_its_settings_name(stack: str) -> None:
    text = (ROOT / f"Pulumi.{stack}.yaml").read_text()
    assert stacks.region_of(stack, text) == yaml.safe_load(text)["config"]["aws:region"]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (["Pulumi.dev.yaml"], ("dev",)),
        (["Pulumi.prod.yaml", "README.md"], ("prod",)),
        (["Pulumi.prod.yaml", "Pulumi.dev.yaml"], ("dev", "prod")),
        (["Pulumi.lab.yaml"], ()),
        (["Pulumi.gone.yaml"], ()),  # its file was deleted: there is no stack to preview
        (["Pulumi.yaml"], ("dev", "prod")),
        (["components/network.py"], ("dev", "prod")),
        (["manifests/gateway.py"], ("dev", "prod")),
        (["configuration/mesh.py"], ("dev", "prod")),
        (["settings.py"], ("dev", "prod")),
        (["versions.py"], ("dev", "prod")),
        (["__main__.py"], ("dev", "prod")),
        (["requirements.txt"], ("dev", "prod")),
        (["something/new.py"], ("dev", "prod")),  # unknown is not harmless
        (["tests/Pulumi.dev.yaml"], ()),  # a stack file lies at the root
        (["docs/adr/0001.md", "tests/unit/test_a.py", "lab/engine/engine.py", "meshops/plan/plan.py"], ()),
        ([".github/workflows/test.yml", "Makefile", "pyproject.toml", "requirements-dev.txt", "a/notes.md"], ()),
        ([], ()),
    ],
)
def test_a_change_touches_exactly_the_stacks_it_may_alter(changed: list[str], expected: tuple[str, ...]) -> None:
    assert stacks.touched(changed, ("dev", "prod")) == expected


def split(
    variables: dict[str, str], *, trusted: bool, names: tuple[str, ...] = ("dev", "prod")
) -> tuple[object, object]:
    return stacks.split(names, regions=REGIONS, variables=variables, trusted=trusted)


def test_a_stack_with_a_role_gets_the_real_preview_and_one_without_the_offline_plan() -> None:
    preview = stacks.Preview(stack="dev", region="eu-west-1", role=ROLE, backend=BACKEND)
    variables = {"PREVIEW_ROLE_DEV": ROLE, "PULUMI_BACKEND_URL_DEV": BACKEND, "PULUMI_BACKEND_URL_PROD": BACKEND}
    assert split(variables, trusted=True) == ((preview,), ("prod",))


def test_a_fork_gets_offline_plans_only_whatever_is_set() -> None:
    variables = {"PREVIEW_ROLE_DEV": ROLE, "PULUMI_BACKEND_URL_DEV": BACKEND}
    assert split(variables, trusted=False) == ((), ("dev", "prod"))


def test_a_hyphen_in_a_stacks_name_is_an_underscore_in_its_variables() -> None:
    variables = {"PREVIEW_ROLE_EU_TEST": ROLE, "PULUMI_BACKEND_URL_EU_TEST": BACKEND}
    preview = stacks.Preview(stack="eu-test", region="eu-west-1", role=ROLE, backend=BACKEND)
    assert split(variables, trusted=True, names=("eu-test",)) == ((preview,), ())


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"PREVIEW_ROLE_DEV": ROLE},
            "PREVIEW_ROLE_DEV is set and PULUMI_BACKEND_URL_DEV is not: set both, or neither for offline plans.",
        ),
        (
            {"PREVIEW_ROLE_DEV": "mesh-preview", "PULUMI_BACKEND_URL_DEV": BACKEND},
            "PREVIEW_ROLE_DEV is 'mesh-preview', which is not the ARN of an IAM role.",
        ),
        (
            {"PREVIEW_ROLE_DEV": ROLE, "PULUMI_BACKEND_URL_DEV": BACKEND, "PREVIEW_RUNNER_DEV": "{0}"},
            "PREVIEW_RUNNER_DEV is '{0}', which is not a runner's label, nor one that ends with `{0}-{1}`.",
        ),
    ],
)
def test_a_half_configured_preview_is_an_error_and_not_a_quiet_offline_plan(
    variables: dict[str, str], message: str
) -> None:
    with pytest.raises(stacks.Misconfigured) as error:
        split(variables, trusted=True)
    assert str(error.value) == message


def test_a_preview_runs_where_its_variable_says_as_codebuild_wants_it_too() -> None:
    variables = {"PREVIEW_ROLE_DEV": ROLE, "PULUMI_BACKEND_URL_DEV": BACKEND}
    variables["PREVIEW_RUNNER_DEV"] = "codebuild-mesh-{0}-{1}"
    (preview,), _ = stacks.split(("dev",), regions=REGIONS, variables=variables, trusted=True)
    assert preview.runner == "codebuild-mesh-{0}-{1}"


def test_the_proofs_of_the_night_have_a_role_and_the_deployments_runner() -> None:
    variables = {"PREVIEW_ROLE_DEV": ROLE, "PULUMI_BACKEND_URL_DEV": BACKEND, "DEPLOY_RUNNER_DEV": "in-the-vpc"}
    previews, verified = stacks.watched(("dev", "prod"), regions=REGIONS, variables=variables)
    assert [(one.stack, one.runner) for one in previews] == [("dev", "ubuntu-latest")]
    assert verified == ()
    role = ROLE.replace("preview", "verify")
    _, verified = stacks.watched(("dev",), regions=REGIONS, variables={**variables, "VERIFY_ROLE_DEV": role})
    assert [(one.stack, one.runner, one.role) for one in verified] == [("dev", "in-the-vpc", role)]


def test_a_deployed_stack_without_a_file_is_named_by_its_variable() -> None:
    variables = {
        "DEPLOY_ROLE_DEV": ROLE,
        "DEPLOY_ROLE_EU_TEST": ROLE,
        "DEPLOY_ROLE_OLD": " ",
        "PREVIEW_ROLE_GONE": ROLE,
    }
    assert stacks.left_behind(("dev", "prod"), variables) == ("DEPLOY_ROLE_EU_TEST",)
    assert stacks.left_behind(("dev", "eu-test"), variables) == ()


def test_a_stack_that_is_deployed_without_a_preview_is_named_by_what_is_missing() -> None:
    variables = {"DEPLOY_ROLE_DEV": ROLE, "PULUMI_BACKEND_URL_DEV": BACKEND, "PREVIEW_ROLE_PROD": ROLE}
    assert stacks.half_deployed(("dev", "prod"), variables) == ("PREVIEW_ROLE_DEV",)


SANDBOX = {"SANDBOX_STACK": "trial", "PULUMI_BACKEND_URL_TRIAL": BACKEND, "SANDBOX_CEILING_USD": "50"}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"SANDBOX_STACK": "gone"}, "SANDBOX_STACK is 'gone', and there is no Pulumi.gone.yaml"),
        (
            {"DEPLOY_ROLE_TRIAL": ROLE},
            "Stack trial is deployed from main (DEPLOY_ROLE_TRIAL): the sandbox would destroy it.",
        ),
        ({"PULUMI_BACKEND_URL_TRIAL": ""}, "PULUMI_BACKEND_URL_TRIAL is not set"),
        ({"SANDBOX_CEILING_USD": "0"}, "SANDBOX_CEILING_USD is '0'"),
        ({"SANDBOX_CEILING_USD": "plenty"}, "SANDBOX_CEILING_USD is 'plenty'"),
    ],
)
def test_a_sandbox_without_a_stack_of_its_own_or_a_ceiling_does_not_begin(
    changed: dict[str, str], message: str
) -> None:
    assert stacks.sandbox(("dev", "trial"), SANDBOX)["stack"] == "trial"
    with pytest.raises(stacks.Misconfigured) as error:
        stacks.sandbox(("dev", "trial"), {**SANDBOX, **changed})
    assert str(error.value).startswith(message)


def test_a_stack_file_without_a_region_is_named() -> None:
    with pytest.raises(stacks.Misconfigured) as error:
        stacks.region_of("dev", "config:\n  zero-trust-mesh:environment: dev\n")
    assert str(error.value) == "Pulumi.dev.yaml names no `aws:region`: add it under `config`."


def git(repository: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=repository, check=True, capture_output=True)


@pytest.fixture
def merge(tmp_path: Path) -> Path:
    """A checkout as actions/checkout leaves it: the merge of a pull request into a base that has moved on."""
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "-b", "main")
    for name in ("dev", "prod", "lab"):
        (repository / f"Pulumi.{name}.yaml").write_text("config:\n  aws:region: eu-west-1\n")
    git(repository, "add", ".")
    git(repository, "commit", "-m", "base")
    git(repository, "switch", "-c", "head")
    with (repository / "Pulumi.dev.yaml").open("a") as file:
        file.write("  zero-trust-mesh:environment: dev\n")
    git(repository, "commit", "-am", "head")
    git(repository, "switch", "main")
    (repository / "settings.py").write_text("# only on main: not this pull request's doing\n")
    git(repository, "add", ".")
    git(repository, "commit", "-m", "main moves on")
    git(repository, "merge", "--no-ff", "-m", "merge", "head")
    return repository


@pytest.mark.parametrize(
    ("variables", "trusted", "outputs"),
    [
        ("{}", "true", {"preview": []}),
        ("null", "false", {"preview": []}),
        (
            json.dumps({"PREVIEW_ROLE_DEV": ROLE, "PULUMI_BACKEND_URL_DEV": f"{BACKEND}\nplan=[]"}),
            "true",
            {
                "preview": [
                    {
                        "stack": "dev",
                        "region": "eu-west-1",
                        "role": ROLE,
                        "backend": f"{BACKEND}\nplan=[]",
                        "runner": "ubuntu-latest",
                    },
                ],
            },
        ),
    ],
    ids=["no role", "fork", "role, and a value that tries to add an output"],
)
def test_the_job_writes_the_list_of_what_the_pull_request_itself_changed(
    merge: Path, tmp_path: Path, variables: str, trusted: str, outputs: dict[str, object]
) -> None:
    output = tmp_path / "output"
    environment = {**os.environ, "GITHUB_OUTPUT": str(output), "VARIABLES": variables, "TRUSTED": trusted}
    subprocess.run(
        [sys.executable, str(SCRIPT), "touched"], cwd=merge, check=True, env=environment, capture_output=True
    )
    written = dict(line.split("=", 1) for line in output.read_text().splitlines())
    assert {name: json.loads(value) for name, value in written.items()} == outputs


def test_the_deployment_reads_the_region_of_its_stack(merge: Path, tmp_path: Path) -> None:
    output = tmp_path / "output"
    environment = {**os.environ, "GITHUB_OUTPUT": str(output)}
    subprocess.run([sys.executable, str(SCRIPT), "region", "prod"], cwd=merge, check=True, env=environment)
    assert output.read_text() == "region=eu-west-1\n"
    refused = subprocess.run(
        [sys.executable, str(SCRIPT), "region", "../prod"], cwd=merge, env=environment, capture_output=True
    )
    assert refused.returncode == 2

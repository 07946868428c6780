"""A scene for each test, and a GitHub for its jobs to talk to."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.workflows.fake_github import FakeGitHub, serving
from tests.workflows.scene import Scene, scene_in, template_in

ROLES = "arn:aws:iam::111122223333:role"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template_in(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def whole_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template_in(tmp_path_factory.mktemp("whole-template"), whole=True)


@pytest.fixture
def scene(template: Path) -> Iterator[Scene]:
    with _scene(template) as made:
        yield made


@pytest.fixture
def whole_scene(whole_template: Path) -> Iterator[Scene]:
    """One in which `make pr-comment` is the repository's own. Its only stack is dev."""
    with _scene(whole_template) as made:
        yield made


@contextmanager
def _scene(template: Path) -> Generator[Scene]:
    """Stack dev has every role, and prod too; its jobs run in the VPC."""
    with tempfile.TemporaryDirectory(prefix="mesh-") as name, serving(FakeGitHub(Path(name) / "artifacts")) as github:
        made = scene_in(Path(name), github, template)
        for stack in ("DEV", "PROD"):
            made.variables[f"PULUMI_BACKEND_URL_{stack}"] = f"s3://state-{stack.lower()}"
            made.variables[f"PREVIEW_ROLE_{stack}"] = f"{ROLES}/preview-{stack.lower()}"
            made.variables[f"DEPLOY_ROLE_{stack}"] = f"{ROLES}/deploy-{stack.lower()}"
        made.variables["PREVIEW_RUNNER_PROD"] = made.variables["DEPLOY_RUNNER_PROD"] = "in-the-vpc"
        yield made

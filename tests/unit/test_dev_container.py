"""The dev container's files against what the two commands really need; it cannot be started in a test."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lab import paths
from lab.build.container_runtime import NEEDED as TO_BUILD
from lab.build.packages import NEEDED
from tests import ROOT

FILES = ROOT / ".devcontainer"
# make itself, what it begins with, and what compares two revisions.
BEFORE_THE_LAB = {"bash", "make", "python3", "python3-venv", "git"}


@pytest.fixture
def settings() -> dict[str, Any]:
    return json.loads((FILES / "devcontainer.json").read_text(encoding="utf-8"))


def installed(settings: dict[str, Any]) -> set[str]:
    text = (FILES / settings["build"]["dockerfile"]).read_text(encoding="utf-8")
    [command] = re.findall(r"apt-get install ([^&]+)&&", text.replace("\\\n", " "))
    return {word for word in command.split() if not word.startswith("--")}


def test_the_image_has_what_the_commands_need_and_nothing_else(settings: dict[str, Any]) -> None:
    assert installed(settings) == BEFORE_THE_LAB | {*NEEDED.values(), *TO_BUILD.values()}


def test_the_lab_may_make_namespaces_and_mounts_there(settings: dict[str, Any]) -> None:
    assert settings["privileged"] is True
    assert settings["remoteUser"] == "root"


def test_built_tools_outlive_the_container_and_the_lab_stands_on_no_overlay(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ZTM_CACHE", "ZTM_LAB_STATE", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/root")
    volumes = [Path(mount["target"]) for mount in settings["mounts"] if mount["type"] == "volume"]
    for directory in (paths.cache_directory(), paths.state_directory()):
        assert any(directory.is_relative_to(volume) for volume in volumes), directory


def test_debian_has_the_python_that_the_program_is_written_for() -> None:
    # bookworm's python3 is 3.11 (packages.debian.org/bookworm/python3)
    assert "FROM docker.io/library/debian:bookworm\n" in (FILES / "Dockerfile").read_text(encoding="utf-8")
    assert 'target-version = "py311"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")

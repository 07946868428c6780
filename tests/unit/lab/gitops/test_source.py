"""The Git server that Flux reads: Git's own client against it, over HTTP."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from lab.errors import LabError
from lab.gitops import git_server, source
from lab.state import State


@pytest.fixture
def state(tmp_path: Path) -> State:
    made = State(root=tmp_path / "state")
    made.create()
    source.make(made)
    return made


@pytest.fixture
def url(state: State) -> Iterator[str]:
    root = str(source.repository(state).parent)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Rooted", (git_server.Handler,), {"root": root}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/{source.repository(state).name}"
    server.shutdown()
    server.server_close()


def git(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    return subprocess.run(["git", *who, *arguments], cwd=directory, capture_output=True, text=True, check=False)


def test_what_is_committed_is_served(state: State, url: str, tmp_path: Path) -> None:
    commit = source.commit(state, {"shop/more.yaml": "kind: ConfigMap\n", "shop/front.yaml": None}, "More")
    cloned = git(tmp_path, "clone", url, "tree")
    assert cloned.returncode == 0, cloned.stderr
    assert (tmp_path / "tree" / "shop" / "more.yaml").read_text(encoding="utf-8") == "kind: ConfigMap\n"
    assert not (tmp_path / "tree" / "shop" / "front.yaml").exists()
    assert git(tmp_path / "tree", "rev-parse", "HEAD").stdout.strip() == commit


def test_nobody_pushes_past_the_directory(state: State, url: str, tmp_path: Path) -> None:
    before = git(source.repository(state), "rev-parse", source.BRANCH).stdout
    git(tmp_path, "clone", url, "tree")
    git(tmp_path / "tree", "commit", "--allow-empty", "--message=mine")
    pushed = git(tmp_path / "tree", "push")
    assert pushed.returncode != 0
    assert "403" in pushed.stderr
    assert git(source.repository(state), "rev-parse", source.BRANCH).stdout == before


def test_another_directory_is_not_served(state: State, url: str, tmp_path: Path) -> None:
    (state.root / "outside.git").symlink_to(source.repository(state))
    assert git(tmp_path, "clone", url.replace("lab.git", "../outside.git"), "tree").returncode != 0
    assert git(tmp_path, "clone", url.replace("lab.git", "other.git"), "tree").returncode != 0


def test_a_lab_that_comes_up_again_keeps_its_repository(state: State) -> None:
    commit = source.commit(state, {"mine.yaml": "a: 1\n"}, "Mine")
    source.make(state)
    assert git(source.repository(state), "rev-parse", source.BRANCH).stdout.strip() == commit


def test_a_commit_that_changes_nothing_is_said(state: State) -> None:
    source.commit(state, {"mine.yaml": "a: 1\n"}, "Mine")
    with pytest.raises(LabError, match=r"^git commit: nothing to commit"):
        source.commit(state, {"mine.yaml": "a: 1\n"}, "Mine again")


def test_what_the_repository_begins_with_is_named_by_its_kustomizations() -> None:
    first = Path(source.__file__).with_name("repository")
    for kustomization in first.rglob("kustomization.yaml"):
        named = set(yaml.safe_load(kustomization.read_text(encoding="utf-8"))["resources"])
        beside = {path.name for path in kustomization.parent.iterdir() if path.is_dir() or path.suffix == ".yaml"}
        assert named == beside - {"kustomization.yaml"}, kustomization

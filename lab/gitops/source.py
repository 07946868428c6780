"""The repository that Flux reads, a bare one in the lab's state, and the process that serves it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lab.cluster.control_plane import ControlPlane
from lab.cluster.processes import Command, Process, python
from lab.errors import LabError
from lab.state import NetworkRecord, State
from lab.waiting import listens

NAME = "git-server"
PORT = 9418
"""Git's own registered port; it speaks HTTP, which source-controller reads."""
BRANCH = "main"
_REPOSITORY = "lab.git"
_FIRST = Path(__file__).resolve().parent / "repository"
_SECONDS = 60
_AUTHOR: dict[str, str] = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "lab"), ("EMAIL", "lab@example.com"))
}


def repository(state: State) -> Path:
    """The bare repository of a lab, made or not."""
    return _root(state) / _REPOSITORY


def url(record: NetworkRecord) -> str:
    """Where pods find it."""
    return f"http://{record.address}:{PORT}/{_REPOSITORY}"


def make(state: State) -> None:
    """The repository with its first commit (`repository/`), unless there is one. Raises LabError."""
    target = repository(state)
    if target.is_dir():
        return
    unfinished = target.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    _git(unfinished.parent, "init", "--quiet", "--bare", f"--initial-branch={BRANCH}", str(unfinished))
    files = {str(path.relative_to(_FIRST)): path.read_text(encoding="utf-8") for path in _FIRST.rglob("*.*")}
    _commit(unfinished, files, "What the lab begins with")
    unfinished.rename(target)


def commit(state: State, files: Mapping[str, str | None], message: str) -> str:
    """Writes these files (None: removes one), and gives the commit's id. Raises LabError if nothing changes."""
    return _commit(repository(state), files, message)


def _commit(bare: Path, files: Mapping[str, str | None], message: str) -> str:
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory) / "tree"
        _git(Path(directory), "clone", "--quiet", str(bare), str(tree))
        for name, text in files.items():
            path = tree / name
            if text is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        _git(tree, "add", "--all")
        _git(tree, "commit", "--quiet", f"--message={message}")
        _git(tree, "push", "--quiet", "origin", f"HEAD:{BRANCH}")
        return _git(tree, "rev-parse", "HEAD").strip()


def _git(directory: Path, *arguments: str) -> str:
    """Without the user's own settings and hooks."""
    path = os.environ.get("PATH", os.defpath)
    environment = {"PATH": path, "HOME": str(directory), "GIT_CONFIG_NOSYSTEM": "1", **_AUTHOR}
    done = subprocess.run(
        ["git", *arguments], cwd=directory, env=environment, capture_output=True, text=True, check=False,
        timeout=_SECONDS,
    )  # fmt: skip
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise LabError(f"git {arguments[0]}: {said[-1] if said else f'exit code {done.returncode}'}")
    return done.stdout


def _root(state: State) -> Path:
    return state.root / "git"


def _command(plane: ControlPlane) -> Command:
    return python("lab.gitops.git_server", plane.network.address, str(PORT), _root(plane.state))


PROCESS = Process(
    name=NAME, part="the Git server that Flux reads", ports=(PORT,), command=_command,
    ready=lambda plane: listens(plane.network.address, PORT), seconds=20.0,
    where=lambda state: str(repository(state)),
)  # fmt: skip

"""A repository on an imagined GitHub, whose workflows are run by act on this machine.

What stands in for something: the actions (actions/), the Pulumi and AWS CLIs and what `make` would take minutes for
(programs/), GitHub's API (fake_github.py). The workflows, their scripts, the Makefile and what they import of the
program are the repository's own. In a scene of the whole program `make pr-comment` is, too.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import ROOT
from tests.github_tools import ACT, github_tool
from tests.workflows.fake_github import REPOSITORY, TOKEN, FakeGitHub

HERE = Path(__file__).parent
# What no job here imports: half of each job's time would go into checking it out.
_LEFT_OUT = (
    *("lab/", "tests/", "docs/", "examples/", "schemas/", "components/", "manifests/", "validation/", "policy/rules/"),
    *("meshops/attack/", "meshops/verify/", "meshops/preflight/", "meshops/plan/"),
)
# What plans and reviews do not import; one stack, since each is planned twice.
_LEFT_OUT_OF_THE_WHOLE = ("lab/", "tests/", "docs/", "examples/", "bootstrap/", "Pulumi.prod.yaml")
_USES = re.compile(r"^\s*(?:- )?uses: ([\w.-]+/[\w.-]+)@([0-9a-f]{40})", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A workflow's run. jobs: the id of each job that ran -> success or failure."""

    id: int
    code: int
    output: str
    jobs: Mapping[str, str]


@dataclass(kw_only=True)
class Scene:
    directory: Path
    github: FakeGitHub
    variables: dict[str, str] = field(default_factory=dict)
    _runs: int = 70

    @property
    def repository(self) -> Path:
        return self.directory / "repository"

    def git(self, *arguments: str) -> str:
        command = [
            "git",
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.com",
            "-c",
            "commit.gpgsign=false",
            *arguments,
        ]
        return subprocess.run(command, cwd=self.repository, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, changes: Mapping[str, str | None], *, branch: str) -> str:
        """Writes or removes (None) files on a branch, which begins at main; returns the commit."""
        self.git("checkout", "--quiet", "-B", branch, "main")
        for path, text in changes.items():
            if text is None:
                self.git("rm", "--quiet", path)
            else:
                (self.repository / path).write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", branch)
        return self.git("rev-parse", "HEAD")

    def merge(self, branch: str, *, onto: str) -> str:
        """The commit that merges a branch, at a branch `onto` that begins at main."""
        self.git("checkout", "--quiet", "-B", onto, "main")
        self.git("merge", "--quiet", "--no-ff", "--message", f"Merge {branch}", branch)
        return self.git("rev-parse", "HEAD")

    def read(self, path: str) -> str:
        return (self.repository / path).read_text(encoding="utf-8")

    def log(self, name: str) -> list[str]:
        file = self.directory / name
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def faults(self, *said: str) -> None:
        (self.directory / "faults").write_text("\n".join((*said, "")), encoding="utf-8")

    def artifact(self, run: Ran, path: str) -> Path:
        return self.directory / "artifacts" / str(run.id) / path

    def run(
        self,
        event: str,
        document: Mapping[str, Any],
        *,
        sha: str,
        workflow: str,
        ref: str = "refs/heads/main",
        inputs: Mapping[str, str] | None = None,
    ) -> Ran:
        """Runs one workflow of the commit, by act, from its trigger to its end."""
        self._runs += 1
        self.git("checkout", "--quiet", "--detach", sha)
        payload = self.directory / "event.json"
        payload.write_text(json.dumps({**document, "inputs": dict(inputs or {})}), encoding="utf-8")
        environment = {
            "SCENE": str(self.directory),
            "SCENE_SHA": sha,
            "SCENE_PYTHON": sys.executable,
            "SANDBOX_WAIT_SECONDS": "0",
            "GITHUB_RUN_ID": str(self._runs),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_REF": ref,
            "SHA_REF": sha,
            "GITHUB_API_URL": self.github.url,
            "GITHUB_GRAPHQL_URL": f"{self.github.url}/graphql",
        }
        command = [
            str(github_tool(ACT)), event,
            "--workflows", f".github/workflows/{workflow}", "--eventpath", str(payload),
            "--platform", "ubuntu-latest=-self-hosted", "--platform", "in-the-vpc=-self-hosted",
            "--no-skip-checkout", "--no-cache-server", "--container-daemon-socket", "-", "--log-prefix-job-id",
            "--defaultbranch", "main", "--action-cache-path", str(self.directory / "act"),
            "--secret", f"GITHUB_TOKEN={TOKEN}",
            *(f"--env={name}={value}" for name, value in environment.items()),
            *(f"--var={name}={value}" for name, value in self.variables.items()),
            *(f"--local-repository={used}={folder}" for used, folder in self._actions()),
        ]  # fmt: skip
        path = f"{self.directory}/runner:{os.environ['PATH']}"
        around = {"HOME": str(self.directory / "home"), "PATH": path, "NO_COLOR": "1"}
        done = subprocess.run(command, cwd=self.repository, capture_output=True, text=True, env=around, timeout=200)
        output = done.stdout + done.stderr
        return Ran(id=self._runs, code=done.returncode, output=output, jobs=_jobs(output))

    def _actions(self) -> list[tuple[str, Path]]:
        """`owner/name@commit` of every action that the workflows use, and its stand-in."""
        texts = (path.read_text(encoding="utf-8") for path in (ROOT / ".github" / "workflows").glob("*.yml"))
        used = {(action, commit) for text in texts for action, commit in _USES.findall(text)}
        names = {"pulumi/actions": "pulumi"}
        return sorted(
            (f"https://github.com/{action}@{commit}", HERE / "actions" / names.get(action, action.rpartition("/")[2]))
            for action, commit in used
        )


def _jobs(output: str) -> dict[str, str]:
    """The end of each job, as act reports it."""
    found = re.findall(r"^\[(?:[^\]/]*/)?([^\]]+)\] +🏁 +Job (succeeded|failed)$", output, re.MULTILINE)
    return {job.strip(): result for job, result in found}


def template_in(directory: Path, *, whole: bool = False) -> Path:
    """What each scene begins with: a repository with what this one has, but what no job imports; main is one commit.

    whole: the program can be planned, and `make` is the repository's own.
    """
    repository = directory / "repository"
    repository.mkdir()
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if name.startswith(_LEFT_OUT_OF_THE_WHOLE if whole else _LEFT_OUT) or not (ROOT / name).is_file():
            continue
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, repository / name)
    if not whole:
        shutil.copy(HERE / "programs" / "GNUmakefile", repository)
    scene = Scene(directory=directory, github=FakeGitHub(directory))
    scene.git("init", "--quiet", "--initial-branch", "main")
    scene.git("config", "uploadpack.allowAnySHA1InWant", "true")
    scene.git("add", "--all")
    scene.git("commit", "--quiet", "--message", "What stands")
    # Each job's checkout would compress it anew.
    scene.git("repack", "-adq")
    # Each job has a checkout of its own: without these it would compile the program anew. By the sources' hashes.
    modules = shutil.copytree(repository, directory / "compiled", ignore=shutil.ignore_patterns(".git"))
    command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash", str(modules)]
    subprocess.run(command, check=True)
    for path in modules.rglob("*"):
        if path.is_file() and path.parent.name != "__pycache__":
            path.unlink()
    shutil.copytree(HERE / "programs", directory / "programs")
    for folder, names in {"bin": ("python3", "sudo"), "runner": ("node",)}.items():
        (directory / folder).mkdir()
        for name in names:
            (directory / "programs" / name).rename(directory / folder / name)
    # A bare runner's Python: without the packages of this environment, and without a version manager's shell scripts.
    (directory / "runner" / "python3").symlink_to(Path(sys.executable).resolve())
    (directory / "home").mkdir()
    (directory / "cost").write_text("12.50", encoding="utf-8")
    return directory


def scene_in(directory: Path, github: FakeGitHub, template: Path) -> Scene:
    """A scene of its own, from the template."""
    shutil.copytree(template, directory, symlinks=True, dirs_exist_ok=True)
    scene = Scene(directory=directory, github=github)
    github.tip = scene.git("rev-parse", "main")
    return scene

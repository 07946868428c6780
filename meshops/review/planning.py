"""Plans two revisions, each by its own program, in a process that gets neither credentials nor tokens."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from changes.comparison import RESOURCES
from meshops.review.facts import PROBLEM, Problem
from meshops.review.stacks import BASE, HEAD, renamed

WORK_TREE = "work tree"
LAB = "lab"
"""Runs against stand-ins: there is nothing on AWS to review."""
INDEX = "review.json"
"""Beside the two revisions' plans: what was planned."""

_STACK_FILE = re.compile(r"Pulumi\.(.+)\.ya?ml")
_STACK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
"""https://www.pulumi.com/docs/iac/concepts/stacks/: alphanumeric characters, hyphens, underscores and periods."""
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SYSTEMROOT")
_JUDGES = (
    "policy",
    "changes",
    "validation",
    "offline",
    "meshops/plan",
    "meshops/review",
    "configuration/weakenings.py",
)
_LONGEST = 900
_REASON = 4000


class RevisionError(Exception):
    """A revision cannot be had; the message says which and why."""


@dataclass(frozen=True, kw_only=True)
class Planning:
    """What was planned. base, head: commits, or WORK_TREE. renamed: new -> old name. judges: the files of this very
    review, its rules and its planner that the head changes."""

    base: str
    head: str
    base_stacks: tuple[str, ...]
    head_stacks: tuple[str, ...]
    renamed: dict[str, str]
    judges: tuple[str, ...] = ()


def plan_both(root: Path, *, base: str, head: str | None, stacks: Iterable[str], plans: Path) -> Planning:
    """Plans what both revisions have, into `plans`. head: None for the work tree; stacks: none for all but the lab.

    base is taken where the two went apart: what others merged since is no part of the change.
    Raises `RevisionError` if a revision is not to be had; what a revision's program does wrong is in its plan's place.
    """
    shutil.rmtree(plans, ignore_errors=True)
    head_commit = _commit(root, head) if head else None
    asked = _commit(root, base)
    base_commit = _git(root, "merge-base", asked, head_commit or "HEAD", check=False).strip() or asked
    with _checked_out(root, base_commit) as old, _checked_out(root, head_commit) as new:
        before, after = _stack_files(old), _stack_files(new)
        wanted = set(stacks) or (before.keys() | after.keys()) - {LAB}
        if unknown := wanted - before.keys() - after.keys():
            there = ", ".join(sorted(before.keys() | after.keys()))
            raise RevisionError(f"No revision has a stack {', '.join(sorted(unknown))}: there are {there}.")
        gone = {name: text for name, text in before.items() if name not in after}
        come = {name: text for name, text in after.items() if name not in before and name in wanted}
        moved = renamed(gone, come)
        found = Planning(
            base=base_commit,
            head=head_commit or WORK_TREE,
            base_stacks=tuple(sorted(before.keys() & (wanted | set(moved.values())))),
            head_stacks=tuple(sorted(after.keys() & wanted)),
            renamed=moved,
            judges=_judges(root, base_commit, head_commit),
        )
        with ThreadPoolExecutor(max_workers=2) as pool:
            list(pool.map(lambda name: plan(old, name, plans / BASE / name), found.base_stacks))
            list(pool.map(lambda name: _plan_head(new, name, plans, moved.get(name, name)), found.head_stacks))
    plans.mkdir(parents=True, exist_ok=True)
    (plans / INDEX).write_text(json.dumps(asdict(found), indent=2) + "\n", encoding="utf-8")
    return found


def read_planning(plans: Path) -> Planning:
    """What was planned elsewhere. Raises `RevisionError` if nothing was."""
    try:
        found = json.loads((plans / INDEX).read_text(encoding="utf-8"))
        stacks = {side: tuple(str(name) for name in found[f"{side}_stacks"]) for side in (BASE, HEAD)}
        moved = {str(new): str(old) for new, old in found["renamed"].items()}
        names = (*stacks[BASE], *stacks[HEAD], *moved, *moved.values())
        if bad := [name for name in names if not _STACK.fullmatch(name)]:
            raise RevisionError(f"{plans / INDEX} names {bad[0]!r}, which is no stack's name.")
        return Planning(
            base=str(found["base"]),
            head=str(found["head"]),
            base_stacks=stacks[BASE],
            head_stacks=stacks[HEAD],
            renamed=moved,
            judges=tuple(str(name) for name in found["judges"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise RevisionError(f"{plans} holds no plans: {type(problem).__name__}: {problem}") from None


def plan(directory: Path, stack: str, target: Path, *, base: Path | None = None) -> None:
    """Plans a stack by the program in `directory`; what goes wrong stands in PROBLEM."""
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "meshops", "plan", "--stack", stack, "--output", str(target.resolve())]
    command += ["--diff", str(base.resolve())] if base else []
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1", "PULUMI_ERROR_OUTPUT_STRING": "true"}
    try:
        ended = subprocess.run(
            command, cwd=directory, env=environment, capture_output=True, text=True, timeout=_LONGEST, errors="replace"
        )
    except subprocess.TimeoutExpired:
        write_problem(target, Problem(kind="failed", reason=f"It did not end within {_LONGEST} seconds."))
        return
    # Where a policy stops it, there is a plan all the same.
    if not (target / RESOURCES).exists():
        said = (ended.stderr.strip() or ended.stdout.strip() or f"exit code {ended.returncode}").replace(
            str(directory), "."
        )
        write_problem(target, Problem(kind=kind_of(said, ended.returncode), reason=said[-_REASON:]))


def kind_of(said: str, code: int) -> str:
    """Whether the settings were refused, by what `meshops plan` says; else the program, or what it made, failed."""
    refused = re.search(r"^Stack '[^\n]*': \d+ settings? refused; nothing was created\.", said, re.MULTILINE)
    return "refused" if refused or code == 2 else "failed"


def write_problem(target: Path, problem: Problem) -> None:
    target.mkdir(parents=True, exist_ok=True)
    (target / PROBLEM).write_text(json.dumps(asdict(problem), indent=2) + "\n", encoding="utf-8")


def _plan_head(directory: Path, stack: str, plans: Path, before: str) -> None:
    """With the base's plan beside it, for the policies about what holds state."""
    base = plans / BASE / before
    plan(directory, stack, plans / HEAD / stack, base=base if (base / RESOURCES).exists() else None)


def _stack_files(directory: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(directory.glob("Pulumi.*")):
        match = _STACK_FILE.fullmatch(path.name)
        if match and _STACK.fullmatch(match[1]) and path.is_file() and not path.is_symlink():
            found[match[1]] = path.read_text(encoding="utf-8", errors="replace")
    return found


@contextlib.contextmanager
def _checked_out(root: Path, commit: str | None) -> Generator[Path, None, None]:
    """The files of a commit, in a directory that goes away; the work tree itself for None."""
    if commit is None:
        yield root
        return
    with tempfile.TemporaryDirectory(prefix="review-") as scratch:
        target = Path(scratch) / "tree"
        index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
        _git(root, "read-tree", commit, environment=index)
        _git(root, "checkout-index", "--all", f"--prefix={target}/", environment=index)
        yield target


def _commit(root: Path, revision: str) -> str:
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", check=False)
    if not found.strip():
        raise RevisionError(f"There is no revision {revision!r} here: fetch it first, e.g. `git fetch origin main`.")
    return found.strip()


def _judges(root: Path, base: str, head: str | None) -> tuple[str, ...]:
    names = _git(root, "diff", "--name-only", "-z", base, *((head,) if head else ()), "--", *_JUDGES)
    return tuple(name for name in names.split("\0") if name)


def _git(root: Path, *arguments: str, check: bool = True, environment: dict[str, str] | None = None) -> str:
    ended = subprocess.run(
        ["git", "-C", str(root), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    if check and ended.returncode:
        raise RevisionError(f"git {arguments[0]} failed: {ended.stderr.strip()}")
    return ended.stdout if not ended.returncode else ""

"""What one run of `waves check` found, as a file: the baseline of the next step, and, signed, the ticket to the next
environment.

Signed by `ssh-keygen -Y sign`, verified by `ssh-keygen -Y verify` against a file of allowed signers: keys that teams
and CI have already, offline, no service asked. https://man.openbsd.org/ssh-keygen#ALLOWED_SIGNERS
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from meshops.checks.options import UsageError
from meshops.waves.stages import STAGES, Stage
from meshops.waves.traffic import Measured, Numbers

FORMAT = 1
NAMESPACE = "waves@zero-trust-mesh"
"""Of the signature: one made for another purpose by the same key is no ticket."""
_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Record:
    """stages: namespace -> where it stood, of the namespaces that were looked at. commit: of the program and its
    settings; dirty: whether files differed from it. numbers: `namespace/application` -> what was measured."""

    stack: str
    environment: str
    cluster: str
    commit: str
    dirty: bool
    checked: datetime
    window_seconds: int
    passed: bool
    stages: Mapping[str, Stage]
    results: Mapping[str, str]
    """Id of a gate -> its status."""
    numbers: Mapping[str, Measured]

    def render(self) -> str:
        """Stable JSON."""
        body = {
            "format": FORMAT,
            "stack": self.stack,
            "environment": self.environment,
            "cluster": self.cluster,
            "commit": self.commit,
            "dirty": self.dirty,
            "checked": self.checked.isoformat(timespec="seconds"),
            "windowSeconds": self.window_seconds,
            "passed": self.passed,
            "stages": dict(self.stages),
            "results": dict(self.results),
            "numbers": {name: asdict(found) for name, found in self.numbers.items()},
        }
        return json.dumps(body, indent=2) + "\n"


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """The record of the environment before, if it is one. problem: why not; unreadable: there is none to judge.

    signer: who signed it, of the allowed signers; empty where nobody did.
    """

    record: Record | None = None
    signer: str = ""
    problem: str = ""
    contained: bool = True
    """Whether its commit is in what is checked now."""


def read(path: Path) -> Record:
    """Raises UsageError."""
    try:
        return _record(json.loads(path.read_text(encoding="utf-8")))
    except OSError as problem:
        raise UsageError(f"{path} cannot be read: {problem.strerror}.") from problem
    except (ValueError, KeyError, TypeError) as problem:
        raise UsageError(f"{path} is no record of `waves check`: {problem!r}.") from problem


def _record(body: Mapping[str, Any]) -> Record:
    if body["format"] != FORMAT:
        raise ValueError(f"format {body['format']}, not {FORMAT}")
    stages = {str(name): cast(Stage, stage) for name, stage in body["stages"].items()}
    if strange := [stage for stage in stages.values() if stage not in STAGES]:
        raise ValueError(f"stage {strange[0]}")
    checked = datetime.fromisoformat(body["checked"])
    if checked.tzinfo is None:
        raise ValueError("a time without its zone")
    return Record(
        stack=str(body["stack"]),
        environment=str(body["environment"]),
        cluster=str(body["cluster"]),
        commit=str(body["commit"]),
        dirty=bool(body["dirty"]),
        checked=checked,
        window_seconds=int(body["windowSeconds"]),
        passed=body["passed"] is True,
        stages=stages,
        results={str(id): str(status) for id, status in body["results"].items()},
        numbers={
            str(name): Measured(callers=Numbers(**found["callers"]), own=Numbers(**found["own"]))
            for name, found in body["numbers"].items()
        },
    )


def signature_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sig")


def sign(path: Path, key: Path) -> None:
    """Writes `<path>.sig`. key: a private one, or the public half of one in the agent. Raises UsageError."""
    signature_of(path).unlink(missing_ok=True)  # it asks before it overwrites
    done = _ssh_keygen("-Y", "sign", "-q", "-f", str(key), "-n", NAMESPACE, str(path))
    if done.returncode:
        raise UsageError(f"{path} could not be signed with {key}: {_words(done)}")


def signer(path: Path, allowed: Path) -> tuple[str, str]:
    """Who signed it, of the allowed signers, or an empty text and why nobody did. Raises UsageError without
    ssh-keygen."""
    signature = signature_of(path)
    if not signature.is_file():
        return "", f"there is no {signature.name} beside it"
    common = ("-n", NAMESPACE, "-s", str(signature), "-f", str(allowed))
    found = _ssh_keygen("-Y", "find-principals", "-s", str(signature), "-f", str(allowed))
    names = found.stdout.decode(errors="replace").split("\n")[0].split(",") if not found.returncode else []
    for name in filter(None, map(str.strip, names)):
        done = _ssh_keygen("-Y", "verify", "-q", "-I", name, *common, stdin=path.read_bytes())
        if not done.returncode:
            return name, ""
        return "", f"its signature is not {name}'s for this file: {_words(done)}"
    return "", f"none of the allowed signers in {allowed.name} signed it"


def _ssh_keygen(*arguments: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("ssh-keygen")
    if program is None:
        raise UsageError("ssh-keygen is not on the PATH: install OpenSSH's client (8.1 or newer).")
    return subprocess.run([program, *arguments], input=stdin, capture_output=True, check=False, timeout=_SECONDS)


def _words(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = (done.stderr or done.stdout).decode(errors="replace").split("\n")
    return next((line.strip() for line in lines if line.strip()), "ssh-keygen says nothing")


def promotion(path: Path, allowed: Path, program: Path) -> Promotion:
    """The record of the environment before. program: the checkout that is checked. Raises UsageError."""
    record = read(path)
    by, problem = signer(path, allowed)
    return Promotion(record=record, signer=by, problem=problem, contained=_contains(program, record.commit))


def commit_of(program: Path) -> tuple[str, bool]:
    """The commit that is checked out, and whether files differ from it; an empty text outside of git."""
    head = _git(program, "rev-parse", "HEAD")
    if head is None or head.returncode:
        return "", True
    status = _git(program, "status", "--porcelain", "--untracked-files=no")
    return head.stdout.decode().strip(), status is None or bool(status.stdout.strip()) or bool(status.returncode)


def _contains(program: Path, commit: str) -> bool:
    if not commit:
        return False
    done = _git(program, "merge-base", "--is-ancestor", commit, "HEAD")
    return done is not None and not done.returncode


def _git(directory: Path, *arguments: str) -> subprocess.CompletedProcess[bytes] | None:
    program = shutil.which("git")
    if program is None:
        return None
    command = [program, "-C", str(directory), *arguments]
    return subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)

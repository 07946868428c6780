"""A lab that `make lab` brought up, in a state directory of the tests' own: the real parts of the contract tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import paths
from lab.cluster.control_plane import ControlPlane
from lab.cluster.objects import FIELD_MANAGER
from lab.lifecycle.running import running as running_lab
from tests import ROOT


@dataclass(frozen=True, kw_only=True)
class WholeLab:
    """output: what `python -m lab up` printed; state: its state directory."""

    state: Path
    output: str
    plane: ControlPlane

    def command(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """`python -m lab …` on this lab."""
        return lab_command(self.state, *arguments, stdin=stdin)

    def tool(self, program: str, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """One of the toolchain's programs, with the lab's kubeconfig."""
        return subprocess.run(
            [self.plane.toolchain.bin(program), *arguments],
            input=stdin,
            env={**os.environ, **self.plane.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def get(self, *arguments: str) -> Any:
        """`kubectl get … -o json`."""
        answer = self.tool("kubectl", "get", *arguments, "--output=json")
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    def dry_run(self, documents: str | Path) -> subprocess.CompletedProcess[str]:
        """What the API server and every webhook behind it say to these documents; nothing is kept.

        documents: their text, or the directory of their files. As the program's own field manager: what stands in the
        lab already is changed, as the next `up` would. Strict: an unknown field is an error and not a warning.
        """
        text, where = (documents, "-") if isinstance(documents, str) else (None, str(documents))
        return self.tool(
            "kubectl",
            "apply",
            "--server-side",
            "--dry-run=server",
            "--validate=strict",
            "--force-conflicts",
            f"--field-manager={FIELD_MANAGER}",
            f"--filename={where}",
            stdin=text,
        )


def lab_command(state: Path, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lab", *arguments],
        cwd=ROOT,
        input=stdin,
        env={**os.environ, paths.STATE_VARIABLE: str(state)},
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )


def running(state: Path) -> ControlPlane:
    """The lab in this state directory."""
    before = os.environ.get(paths.STATE_VARIABLE)
    os.environ[paths.STATE_VARIABLE] = str(state)
    try:
        return running_lab()
    finally:
        if before is None:
            del os.environ[paths.STATE_VARIABLE]
        else:
            os.environ[paths.STATE_VARIABLE] = before

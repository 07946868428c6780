"""kubectl and istioctl as subprocesses: always with an end, and never with a secret on their command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_AGAIN = 2
_PAUSE_SECONDS = 1.0
_BROKEN_OFF = (": EOF", "connection reset by peer", "lost connection to pod")
"""How a port-forward ends that the node or the API server cut: it says nothing about the proxy behind it."""


class ToolError(Exception):
    """A tool is missing, failed or took too long; the message is one line."""


@dataclass(frozen=True, kw_only=True)
class Tools:
    """kubectl, istioctl: programs, by name or path. kubeconfig: None for the environment's own."""

    kubectl: str = "kubectl"
    istioctl: str = "istioctl"
    kubeconfig: Path | None = None

    def ask_kubectl(
        self, *arguments: str, stdin: str | None = None, seconds: float = 45, accept: tuple[int, ...] = (0,)
    ) -> str:
        """Its output. accept: the exit codes of an answer. Raises ToolError."""
        return self._run(self.kubectl, *arguments, stdin=stdin, seconds=seconds, accept=accept)

    def ask_istioctl(self, *arguments: str, seconds: float = 45, accept: tuple[int, ...] = (0,)) -> str:
        """Its output. accept: the exit codes of an answer. Raises ToolError.

        It only reads, and through port-forwards: one that broke off is made again, twice at most.
        """
        for _ in range(_AGAIN):
            try:
                return self._run(self.istioctl, *arguments, stdin=None, seconds=seconds, accept=accept)
            except ToolError as problem:
                if not str(problem).endswith(_BROKEN_OFF):
                    raise
                time.sleep(_PAUSE_SECONDS)
        return self._run(self.istioctl, *arguments, stdin=None, seconds=seconds, accept=accept)

    def _run(
        self, program: str, *arguments: str, stdin: str | None, seconds: float, accept: tuple[int, ...] = (0,)
    ) -> str:
        path = shutil.which(program)
        if path is None:
            raise ToolError(f"{program} is not on the PATH: install it, or say where it is")
        environment = dict(os.environ)
        if self.kubeconfig is not None:
            environment["KUBECONFIG"] = str(self.kubeconfig)
        name = Path(program).name
        try:
            finished = subprocess.run(
                [path, *arguments],
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=seconds,
                env=environment,
            )
        except subprocess.TimeoutExpired:
            raise ToolError(f"{name} {_shown(arguments)} gave no answer within {seconds:.0f} s") from None
        except OSError as problem:
            raise ToolError(f"{name} cannot be run: {problem}") from problem
        if finished.returncode not in accept:
            raise ToolError(f"{name} {_shown(arguments)}: {_last_line(finished.stderr) or 'failed without a word'}")
        return finished.stdout


def as_list(documents: Iterable[Mapping[str, Any]]) -> str:
    """Objects as one document for kubectl's standard input."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)})


def _shown(arguments: tuple[str, ...]) -> str:
    text = " ".join(arguments)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""

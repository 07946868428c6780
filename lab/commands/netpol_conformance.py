"""Kubernetes' own NetworkPolicy tests against the running lab."""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.images import agnhost
from lab.lifecycle import running
from lab.progress import TerminalProgress

# Closed in both directions, both selectors of a peer, named ports, exceptions, a policy that goes, UDP.
_SHORT = (
    "should support a 'default-deny-all' policy",
    "should enforce policy based on PodSelector and NamespaceSelector",
    "should allow egress access on one named port",
    "should enforce except clause",
    "should stop enforcing policies after they are deleted",
    "using UDP should enforce policy based on Ports",
)
_SCTP = "SCTPConnectivity"
_HOURS = "2h"


def command(options: argparse.Namespace) -> int:
    """0 only if all that were run passed. Raises LabError."""
    progress = TerminalProgress()
    kubeconfig = running.kubeconfig_path()
    program = agnhost.ensure(progress)
    progress.pause()
    report = run(program, kubeconfig, short=options.short)
    print(summary(report))
    return 0 if not failed(report) else 1


def run(program: Path, kubeconfig: Path, *, short: bool) -> list[Mapping[str, Any]]:
    """The reports of the tests that were run, as Ginkgo writes them. Raises LabError if there are none."""
    with tempfile.TemporaryDirectory() as directory:
        written = Path(directory) / "report.json"
        arguments: Sequence[str] = (
            f"--kubeconfig={kubeconfig}",
            "--provider=skeleton",
            "--ginkgo.no-color",
            f"--ginkgo.timeout={_HOURS}",
            f"--ginkgo.json-report={written}",
            # A kernel without SCTP carries none: the policies that name it are tested all the same.
            *(() if _has_sctp() else (f"--ginkgo.skip={_SCTP}",)),
            *((f"--ginkgo.focus={'|'.join(_SHORT)}",) if short else ()),
        )
        subprocess.run([program, *arguments], check=False, cwd=directory)
        if not written.is_file():
            raise LabError(f"{program} wrote no report: what it printed says why")
        suites = json.loads(written.read_text(encoding="utf-8"))
    found = [spec for suite in suites for spec in suite.get("SpecReports") or () if spec["LeafNodeType"] == "It"]
    return [spec for spec in found if spec["State"] != "skipped"]


def failed(report: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of those that did not pass."""
    return [spec["LeafNodeText"] for spec in report if spec["State"] != "passed"]


def summary(report: Sequence[Mapping[str, Any]]) -> str:
    """A line, and one more for each test that did not pass."""
    wrong = failed(report)
    passed = f"{len(report) - len(wrong)} of {len(report)} of Kubernetes' own NetworkPolicy tests passed"
    if not _has_sctp():
        passed += "; this kernel has no SCTP, so the three that send it were left out"
    return "\n".join((passed, *(f"  failed: {name}" for name in wrong)))


def _has_sctp() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP).close()
    except OSError:
        return False
    return True

"""`python -m lab up`: brings the lab up, reports what is in it, proves that it holds, and says where to go on."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from configuration.settings import Settings
from lab.commands import verification
from lab.commands.bringing_up import Outcome, bring_up
from lab.engine.component_progress import counted
from lab.lifecycle.running import alone, current_state
from lab.load_balancer import report as balancers
from lab.paths import PROGRAM, STACK
from lab.progress import TerminalProgress
from lab.report import report
from lab.state import State
from meshops.checks.model import Report
from meshops.checks.text import Style, render, summary
from meshops.stack_settings import stack_settings


def command(options: argparse.Namespace) -> int:
    """As `up`, on this checkout."""
    return up(PROGRAM, keep=options.keep, prove=options.prove, gitops=options.gitops)


def up(directory: Path, *, keep: bool, prove: bool, gitops: bool = False) -> int:
    """0 only if every line of the report is well and, if they are asked for (`prove`), every proof holds.

    keep: a lab that fails on its way up stays as it is; gitops: with Flux. Raises LabError.
    """
    progress = TerminalProgress()
    settings = stack_settings(directory, STACK)
    style = Style(colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    with alone(current_state()):
        outcome = bring_up(directory, progress, settings, keep=keep, gitops=gitops)
        progress.pause()  # clears the line that is being redrawn
        print(f"\n{report.render(outcome.lines, style=style)}\n", flush=True)
        proofs = _proofs(outcome, settings, progress, style) if prove else None
    print(closing(outcome, settings, proofs))
    return 1 if report.failed(outcome.lines) or (proofs is not None and not proofs.passed) else 0


def _proofs(outcome: Outcome, settings: Settings, progress: TerminalProgress, style: Style) -> Report:
    progress.resume()
    progress.update("proving by traffic that it holds")
    with outcome.timings.measure("proofs"):
        proofs = verification.prove(outcome.plane, settings, STACK)
    progress.pause()
    print(f"{render(proofs, style=style)}\n", flush=True)
    return proofs


def closing(outcome: Outcome, settings: Settings, proofs: Report | None) -> str:
    """What was done, what it took, whether it is well, and how to reach it."""
    times = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in outcome.timings.steps)
    total = sum(seconds for _, seconds in outcome.timings.steps)
    lines = [counted(outcome.changes), *_updated(outcome), f"{times}; {total:.1f} s in all", _verdict(outcome, proofs)]
    lines += [f"through all three layers: {command}" for command in addresses(outcome.plane.state, settings)]
    lines.append(f"kubectl and the rest: export KUBECONFIG={outcome.plane.kubeconfig}")
    return "\n".join(lines)


def _updated(outcome: Outcome) -> list[str]:
    """What an existing lab had otherwise than the program: a change of somebody's that was taken back, or a new one."""
    if any(change.what == "created" for change in outcome.changes):
        return []
    updated = [change.urn for change in outcome.changes if change.what == "updated"]
    return [f"updated: {urn.split('$')[-1].replace('::', ' ')}" for urn in updated]


def _verdict(outcome: Outcome, proofs: Report | None) -> str:
    problems = []
    if wrong := sum(line.status == "failed" for line in outcome.lines):
        problems.append(f"{wrong} lines of the report failed")
    if proofs is not None and not proofs.passed:
        problems.append(f"not every proof holds ({summary(proofs)})")
    if problems:
        return f"the lab runs, but {' and '.join(problems)}: see above"
    return "the lab is up" if proofs is None else f"the lab is up and every proof holds: {summary(proofs)}"


def addresses(state: State, settings: Settings) -> tuple[str, ...]:
    """A curl command for each public host behind the load balancer that asks for no token."""
    address = next((each.address for each in balancers.read(state.root) if each.source.startswith("Ingress ")), "")
    certificates = sorted(balancers.certificates(state.root).glob("*.crt"), key=lambda path: path.stat().st_mtime)
    if not address or not certificates:
        return ()
    hosts = [
        host
        for namespace in settings.namespaces
        for application in namespace.applications
        if application.tls == "terminate" and application.authentication is None
        for host in application.hosts
    ]
    return tuple(f"curl --cacert {certificates[-1]} --resolve {host}:443:{address} https://{host}/" for host in hosts)

"""`make lab`: toolchain and plan side by side, then the control plane, the program, and the report."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from configuration.settings import Settings
from lab.aws import moto
from lab.aws.account import AccountOutdated, AwsError, MotoAccount
from lab.aws.made import Aws
from lab.build import build
from lab.cluster import dns, lifecycle, network
from lab.cluster.control_plane import ControlPlane
from lab.cluster.objects import Objects
from lab.cluster.readiness import await_workloads
from lab.engine.engine import LabEngine, Step
from lab.errors import LabError
from lab.images import billing_api, catalogue
from lab.load_balancer import report as balancers
from lab.load_balancer import running
from lab.progress import TerminalProgress
from lab.report.inspection import inspect
from lab.report.report import Applied, Line, compose
from meshops.plan import output
from meshops.plan import plan as planning
from meshops.plan.plan import Plan, PlanError
from offline.registration import EngineError, Registration
from offline.run import run_program
from offline.stack_files import StackError, read_stack
from offline.values import Secret

STACK = "lab"
_PROGRAM_SECONDS = 900.0
# cert-manager's chart and Istio's do not wait for each other.
_AT_ONCE = 4


@dataclass(kw_only=True)
class Timings:
    """Seconds per step, in order."""

    steps: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def measure(self, name: str) -> Generator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.steps.append((name, time.monotonic() - began))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A lab that is up. lines: its report; steps: what the engine did."""

    plane: ControlPlane
    lines: tuple[Line, ...]
    steps: tuple[Step, ...]
    timings: Timings


class ComponentProgress:
    """A line for each component as soon as all of it exists; in between, what is being made."""

    def __init__(self, registrations: tuple[Registration, ...], progress: TerminalProgress) -> None:
        self._progress = progress
        self._component = components(registrations)
        made = [r for r in registrations if r.urn in self._component]
        self._left = Counter(self._component[registration.urn] for registration in made)
        self._done: dict[str, list[Step]] = {}

    def report(self, step: Step) -> None:
        component = self._component.get(step.urn, "no longer in the program")
        self._done.setdefault(component, []).append(step)
        self._left[component] -= 1
        self._progress.update(f"{component}: {step.urn.split('$')[-1].replace('::', ' ')}")
        if self._left[component] == 0:
            steps = self._done[component]
            changes = Counter(step.change for step in steps)
            counted = ", ".join(f"{count} {change}" for change, count in sorted(changes.items()))
            self._progress.line(f"{component}: {counted} ({sum(step.seconds for step in steps):.1f} s)")


def components(registrations: tuple[Registration, ...]) -> Mapping[str, str]:
    """URN of each resource that an engine makes -> its outermost component, e.g. `MeshNamespace secure-apps`."""
    by_urn = {registration.urn: registration for registration in registrations}
    found: dict[str, str] = {}
    for registration in registrations:
        if registration.type.startswith("pulumi:") or not (registration.custom or registration.remote):
            continue
        outermost: Registration | None = None
        parent = by_urn.get(registration.parent)
        while parent is not None:
            outermost, parent = parent, by_urn.get(parent.parent)
        if outermost is None or outermost.custom:
            found[registration.urn] = "the stack itself"
        else:
            found[registration.urn] = f"{outermost.type.rsplit(':', 1)[-1]} {outermost.name}"
    return found


def bring_up(directory: Path, progress: TerminalProgress, settings: Settings, *, keep: bool = False) -> Outcome:
    """Brings the lab up, or up to date. Raises LabError with one line, or one line for each problem.

    What this call started is gone again if it fails or is interrupted, unless it is to be kept (`keep`); a lab that ran
    before stays.
    """
    timings = Timings()
    network.require_privilege()
    with timings.measure("toolchain and plan"):
        background = build.BackgroundBuild(progress)
        plan = _shown_plan(directory, progress)
        toolchain = background.result()
        billing_api.ensure(progress)
    with timings.measure("control plane"):
        plane = lifecycle.up_control_plane(progress, toolchain)
    progress.line(f"control plane {'found running' if plane.reused else 'up'}: {plane.api.url}")
    try:
        dns.apply(plane)
        with timings.measure("AWS stand-in"):
            stand = moto.start(plane.state)
            account = account_of(plane, stand, settings)
        progress.line(f"AWS stand-in {'found running' if stand.reused else 'up'}: moto at {stand.endpoint_url}")
        with timings.measure("load balancers' stand-in"):
            running.start(plane, cluster=settings.cluster.name, region=settings.region, endpoint_url=stand.endpoint_url)
        with timings.measure("program"):
            engine = apply(directory, plane, account, plan, settings, progress)
        with timings.measure("pods"):
            await_workloads(Objects(api=plane.api), progress.update)
        with timings.measure("load balancers' targets"):
            progress.update("waiting for the targets of the load balancers")
            standings = balancers.await_healthy(plane.state.root)
        with timings.measure("report"):
            progress.update("reading the report from the cluster")
            found = inspect(plane, settings, endpoint_url=stand.endpoint_url)
    except BaseException as problem:
        if keep:
            progress.line(f"left as it is: export KUBECONFIG={plane.kubeconfig}")
        elif not plane.reused:
            progress.line("removing the lab that was begun")
            lifecycle.down()
        elif isinstance(problem, KeyboardInterrupt):
            progress.line("interrupted: the lab runs on, half changed; make lab again completes it")
        raise
    lines = compose(
        found, _applied(engine, stand.endpoint_url, standings, catalogue.stand_ins(plane.toolchain)), settings
    )
    return Outcome(plane=plane, lines=lines, steps=tuple(engine.steps), timings=timings)


def _shown_plan(directory: Path, progress: TerminalProgress) -> Plan:
    """The plan, printed while the toolchain is being built."""
    try:
        plan = planning.make(STACK, directory=directory)
        target = directory / "build" / "plan" / STACK
        output.write(plan, target)
    except (PlanError, StackError) as problem:
        raise LabError(str(problem)) from problem
    progress.pause()
    print(f"plan of stack {STACK}: {planning.headline(plan)}")
    for component, count in Counter(components(plan.run.registrations).values()).items():
        print(f"  {count:4}  {component}")
    print(f"  in words and as a picture: {target}/summary.md, {target}/topology.svg")
    sys.stdout.flush()
    progress.resume()
    return plan


def account_of(plane: ControlPlane, stand: moto.Stand, settings: Settings) -> MotoAccount:
    """The stand-in's account as this lab left it, with the stack's hosted zone. Raises LabError."""
    aws = Aws(endpoint_url=stand.endpoint_url, region=settings.region)
    account = MotoAccount(aws, plane.state.root / "aws.json", stand.identity)
    _host_zone(account, settings)
    return account


def _host_zone(account: MotoAccount, settings: Settings) -> None:
    zone = settings.load_balancer.hosted_zone_id
    if zone is not None:
        try:
            account.host_zone(zone, settings.load_balancer.domain)
        except AwsError as problem:
            raise LabError(str(problem)) from problem


def apply(
    directory: Path,
    plane: ControlPlane,
    account: MotoAccount,
    plan: Plan,
    settings: Settings,
    progress: TerminalProgress,
    *,
    config: Mapping[str, str | Secret] | None = None,
) -> LabEngine:
    """Runs the program under the lab's engine; twice if the AWS account has to be made anew for it.

    config: instead of the stack file's. What the program no longer has is removed. Raises LabError.
    """
    if config is None:
        config = read_stack(directory, STACK).config
    for last in (False, True):
        shown = ComponentProgress(plan.run.registrations, progress)
        engine = LabEngine(
            plane,
            account,
            region=settings.region,
            report=shown.report,
            await_balancer=lambda document: balancers.await_served(plane.state.root, document),
        )
        try:
            run = run_program(
                directory,
                stack=STACK,
                config=config,
                engine=engine,
                timeout=_PROGRAM_SECONDS,
                workers=_AT_ONCE,
            )
            if run.error is not None:
                raise LabError(str(run.error))
            if not engine.outdated:
                engine.finish()
                return engine
            if last:
                raise LabError("the AWS stand-in's account cannot follow the program, even made anew")
        except KeyboardInterrupt:
            engine.cancel()
            raise
        except EngineError as problem:
            raise LabError(str(problem)) from problem
        except AccountOutdated as problem:
            if last:
                raise LabError(f"the AWS stand-in's account cannot give {problem} back") from problem
        progress.line("the AWS stand-in's account cannot follow this change in place: making it anew")
        account.reset()
        _host_zone(account, settings)
    raise AssertionError("unreachable: the second round returns or raises")


def _applied(
    engine: LabEngine,
    endpoint_url: str,
    standings: tuple[balancers.Standing, ...],
    stand_ins: Mapping[str, str],
) -> Applied:
    real: Counter[str] = Counter()
    for change in ("created", "unchanged", "updated"):
        real.update(engine.account.types(change))
    return Applied(
        kinds=engine.kinds(),
        releases=engine.releases(),
        not_installed=engine.not_installed,
        real=dict(sorted(real.items())),
        recorded=engine.account.types("recorded"),
        endpoint_url=endpoint_url,
        balancers=tuple(map(str, standings)),
        images=stand_ins,
    )

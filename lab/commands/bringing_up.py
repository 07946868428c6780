"""The steps of `make lab`: toolchain and plan side by side, then the control plane, the program, and the report."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from configuration.settings import Settings
from lab.aws import moto
from lab.build import build, packages
from lab.build.toolchain_files import Toolchain
from lab.cluster import dns, metrics, network, processes
from lab.cluster.control_plane import ControlPlane
from lab.cluster.objects import Objects
from lab.cluster.readiness import await_ready
from lab.engine import program
from lab.engine.component_progress import components
from lab.engine.engine import Change, LabEngine
from lab.errors import LabError
from lab.gitops import flux, source
from lab.images import billing_api, catalogue
from lab.images import flux as flux_images
from lab.lifecycle.up import down, up_control_plane
from lab.load_balancer import processes as load_balancers
from lab.load_balancer import report as balancers
from lab.load_balancer.report import Standing
from lab.paths import STACK
from lab.progress import TerminalProgress
from lab.report.inspection import Inspection, inspect
from lab.report.report import Line, applied_by, compose
from lab.steps import Step, Timings, run
from meshops.plan import output
from meshops.plan import plan as planning
from meshops.plan.plan import Plan, PlanError
from offline.stack_files import StackError


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A lab that is up. lines: its report; changes: what the engine did."""

    plane: ControlPlane
    lines: tuple[Line, ...]
    changes: tuple[Change, ...]
    timings: Timings


def bring_up(
    directory: Path, progress: TerminalProgress, settings: Settings, *, keep: bool = False, gitops: bool = False
) -> Outcome:
    """Brings the lab up, or up to date. Raises LabError with one line, or one line for each problem.

    What this call started is gone again if it fails or is interrupted, unless it is to be kept (`keep`); a lab that ran
    before stays. gitops: with Flux; without it, a Flux that is there stays
    """
    network.require_privilege()
    bringing = _BringingUp(directory, progress, settings, gitops=gitops)
    timings = Timings()
    try:
        run(bringing.steps(), progress, timings, keep=keep)
    except BaseException as problem:
        bringing.say_what_is_left(problem, keep=keep)
        raise
    return Outcome(
        plane=bringing.plane, lines=bringing.lines(), changes=tuple(bringing.engine.changes), timings=timings
    )


class _BringingUp:
    """The steps, and what each hands on to those after it."""

    plan: Plan
    toolchain: Toolchain
    plane: ControlPlane
    stand: moto.Stand
    engine: LabEngine
    standings: tuple[Standing, ...]
    found: Inspection
    _ran: frozenset[str]
    """The processes of this lab that ran before this command."""

    def __init__(self, directory: Path, progress: TerminalProgress, settings: Settings, *, gitops: bool) -> None:
        self._directory, self._progress, self._settings = directory, progress, settings
        self._gitops = gitops

    def steps(self) -> tuple[Step, ...]:
        """Undoing goes back to what there was: of a lab that ran, only what was started in it is stopped."""
        return (
            Step(name="toolchain and plan", do=self._prepare),
            Step(name="control plane", do=self._control_plane, undo=self._remove_lab),
            Step(name="AWS stand-in", do=self._aws, undo=self._stop_aws),
            Step(name="load balancers", do=self._load_balancers, undo=self._stop_load_balancers),
            Step(name="program", do=self._program),
            *((Step(name="Flux", do=self._flux, undo=self._stop_git_server),) if self._gitops else ()),
            Step(name="pods", do=lambda: await_ready(Objects(api=self.plane.api), self._progress.update)),
            Step(
                name="load balancers' targets",
                shown="waiting for the targets of the load balancers",
                do=self._targets,
            ),
            Step(name="report", shown="reading the report from the cluster", do=self._inspect),
        )

    def lines(self) -> tuple[Line, ...]:
        images = catalogue.stand_ins(self.toolchain)
        return compose(self.found, applied_by(self.engine, self.stand.endpoint_url, self.standings, images))

    def say_what_is_left(self, problem: BaseException, *, keep: bool) -> None:
        plane: ControlPlane | None = getattr(self, "plane", None)
        if plane is None:
            return
        if keep:
            self._progress.line(f"left as it is: export KUBECONFIG={plane.kubeconfig}")
        elif plane.reused and isinstance(problem, KeyboardInterrupt):
            self._progress.line("interrupted: the lab runs on, half changed; make lab again completes it")

    def _prepare(self) -> None:
        background = build.BackgroundBuild(self._progress)
        self.plan = _shown_plan(self._directory, self._progress)
        self.toolchain = background.result()
        billing_api.ensure(self._progress)
        if self._gitops:
            packages.ensure(self._progress, {"git": "git"})
            flux_images.ensure(self._progress)

    def _control_plane(self) -> None:
        self.plane = up_control_plane(self._progress, self.toolchain)
        self._progress.line(f"control plane {'found running' if self.plane.reused else 'up'}: {self.plane.api.url}")
        self._ran = frozenset(self.plane.state.alive()) if self.plane.reused else frozenset()
        dns.apply(self.plane, self._settings)
        metrics.apply(self.plane)

    def _remove_lab(self) -> None:
        # One that did not get as far as a plane has undone its own steps.
        if hasattr(self, "plane") and not self.plane.reused:
            try:
                self._progress.line("removing the lab that was begun")
            finally:  # also where the terminal is gone, and with it those who read
                down()

    def _aws(self) -> None:
        self.stand = moto.start(self.plane)
        self._account = program.account_of(self.plane, self.stand, self._settings)
        state = "found running" if self.stand.reused else "up"
        self._progress.line(f"AWS stand-in {state}: moto at {self.stand.endpoint_url}")

    def _stop_aws(self) -> None:
        if moto.NAME not in self._ran:
            moto.stop(self.plane.state)

    def _load_balancers(self) -> None:
        load_balancers.start(
            self.plane,
            region=self._settings.region,
            endpoint_url=self.stand.endpoint_url,
        )

    def _stop_load_balancers(self) -> None:
        if not self._ran >= load_balancers.NAMES:
            load_balancers.stop(self.plane.state)

    def _program(self) -> None:
        planned = self.plan.run.registrations
        self.engine = program.apply(self._directory, self.plane, self._account, planned, self._settings, self._progress)

    def _flux(self) -> None:
        source.make(self.plane.state)
        if source.NAME not in self.plane.state.alive():
            processes.start(self.plane, (source.PROCESS,))
        flux.apply(self.plane)
        objects = Objects(api=self.plane.api)
        try:
            revision = flux.await_applied(objects)
        finally:
            objects.close()
        self._progress.line(f"Flux has applied {revision} of {source.repository(self.plane.state)}")

    def _stop_git_server(self) -> None:
        if source.NAME not in self._ran:
            processes.stop(self.plane.state, (source.PROCESS,))

    def _targets(self) -> None:
        self.standings = balancers.await_healthy(self.plane.state.root)

    def _inspect(self) -> None:
        self.found = inspect(self.plane, self._settings, endpoint_url=self.stand.endpoint_url)


def _shown_plan(directory: Path, progress: TerminalProgress) -> Plan:
    """The plan, printed while the toolchain is being built."""
    try:
        plan = planning.make(STACK, directory=directory)
        target = directory / "build" / "plan" / STACK
        output.write(plan, target)
    except (PlanError, StackError) as problem:
        raise LabError(str(problem)) from problem
    if users := _managed_secrets(plan):
        raise LabError(
            f"{', '.join(users)}: the lab has no Secrets Store CSI driver, and no kubelet that mounts its volumes; "
            "take the secret from the stack's own (secret) or a Kubernetes Secret (secretRef) in stack lab"
        )
    progress.pause()
    print(f"plan of stack {STACK}: {planning.headline(plan)}")
    for component, count in Counter(components(plan.run.registrations).values()).items():
        print(f"  {count:4}  {component}")
    print(f"  in words and as a picture: {target}/summary.md, {target}/topology.svg")
    sys.stdout.flush()
    progress.resume()
    return plan


def _managed_secrets(plan: Plan) -> list[str]:
    """The applications with secrets of AWS Secrets Manager."""
    return [
        f"{namespace.name}/{application.name}"
        for namespace in (plan.settings.namespaces if plan.settings else ())
        for application in namespace.applications
        if application.managed_secrets
    ]

"""Runs the program under the lab's engine, in the AWS account of the lab's stand-in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from configuration.settings import Settings
from lab.aws import moto
from lab.aws.account import AccountOutdated, MotoAccount
from lab.aws.made import Aws
from lab.cluster.control_plane import ControlPlane
from lab.cluster.objects import Objects, Refused
from lab.engine import balanced
from lab.engine.component_progress import ComponentProgress
from lab.engine.engine import LabEngine
from lab.errors import LabError
from lab.load_balancer import report as balancers
from lab.paths import STACK
from lab.progress import Progress
from offline.registration import EngineError, Registration
from offline.run import run_program
from offline.stack_files import read_stack
from offline.values import Secret

_PROGRAM_SECONDS = 900.0
# cert-manager's chart and Istio's do not wait for each other.
_AT_ONCE = 4


def account_of(plane: ControlPlane, stand: moto.Stand, settings: Settings) -> MotoAccount:
    """The stand-in's account as this lab left it, with the stack's hosted zone. Raises LabError."""
    aws = Aws(endpoint_url=stand.endpoint_url, region=settings.region, pods=plane.network.pods)
    account = MotoAccount(aws, plane.state.root / "aws.json", stand.identity)
    _host_zone(account, settings)
    return account


def apply(
    directory: Path,
    plane: ControlPlane,
    account: MotoAccount,
    planned: tuple[Registration, ...],
    settings: Settings,
    progress: Progress,
    *,
    config: Mapping[str, str | Secret] | None = None,
) -> LabEngine:
    """Runs the program; twice if the AWS account has to be made anew for it.

    planned: what it is going to register; config: instead of the stack file's. What it no longer has is removed.
    Raises LabError.
    """
    if config is None:
        config = read_stack(directory, STACK).config
    for last in (False, True):
        if account.emptied:
            _forget_balancers(plane)
            account.emptied = False
        shown = ComponentProgress(planned, progress)
        engine = LabEngine(
            plane,
            account,
            region=settings.region,
            report=shown.report,
            await_balancer=lambda document: balancers.await_served(plane.state.root, balancers.source_of(document)),
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
                raise LabError(engine.problem or str(run.error))
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


def _forget_balancers(plane: ControlPlane) -> None:
    objects = Objects(api=plane.api)
    try:
        balanced.forget(objects)
    except Refused as problem:
        raise LabError(f"what had a load balancer in the account of before cannot be removed: {problem}") from problem
    finally:
        objects.close()


def _host_zone(account: MotoAccount, settings: Settings) -> None:
    zone = settings.load_balancer.hosted_zone_id
    if zone is not None:
        account.host_zone(zone, settings.load_balancer.domain)

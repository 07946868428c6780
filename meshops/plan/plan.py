"""`python -m meshops plan`: what a stack would make, in seconds, without credentials or network."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from changes.comparison import PlanFiles, key_of
from configuration.parsing import parse
from configuration.problems import SettingsError
from configuration.settings import PROJECT, Settings
from manifests.names import CERT_MANAGER
from meshops.plan.mesh import MeshFacts, mesh_facts
from meshops.plan.platform import PlatformFacts, platform_facts
from offline.made_up import MadeUpOutputs
from offline.objects import KubernetesObject, kubernetes_objects
from offline.run import ProgramRun, run_program
from offline.stack_files import for_parsing, read_stack
from offline.values import Secret, masked
from policy.judge import Verdict, judge
from policy.resources import of_registration
from policy.stack import Stack
from validation.findings import Finding
from validation.references import Workload
from validation.validate import validate

PROGRAM = Path(__file__).resolve().parents[2]
"""Where `__main__.py` and the stack files lie."""


class PlanError(Exception):
    """There is no plan; the message holds every reason."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A stack as it would be made; every object in it is valid."""

    stack: str
    run: ProgramRun
    objects: tuple[KubernetesObject, ...]
    settings: Settings | None
    """None where the program does not read this project's settings (the sample programs of the tests)."""
    mesh: MeshFacts
    platform: PlatformFacts
    verdict: Verdict
    """What the policy pack says of it."""


def make(
    stack: str,
    *,
    directory: Path = PROGRAM,
    config: Mapping[str, Any] | None = None,
    timeout: float = 600,
    base: PlanFiles | None = None,
) -> Plan:
    """Runs the program and validates all of it.

    config: instead of the stack file's, e.g. with synthetic applications
    base: the plan of what stands, for the policies about what holds state
    Raises `PlanError` (settings refused, program failed, objects invalid) and `StackError` (no such stack).
    """
    if config is None:
        config = read_stack(directory, stack).config
    settings = _settings(stack, config)
    run = run_program(
        directory,
        stack=stack,
        config=config,
        engine=MadeUpOutputs(str(_clear(config.get("aws:region", "")) or "eu-west-1")),
        timeout=timeout,
    )
    if run.error is not None:
        raise PlanError(str(run.error))
    findings = validate(run.registrations, elsewhere=elsewhere(settings))
    if findings:
        raise PlanError(_render(stack, findings))
    objects = kubernetes_objects(run.registrations)
    return Plan(
        stack=stack,
        run=run,
        objects=objects,
        settings=settings,
        mesh=mesh_facts(objects),
        platform=platform_facts(run.registrations, objects),
        verdict=judged(stack, settings, run, base),
    )


def judged(stack: str, settings: Settings | None, run: ProgramRun, base: PlanFiles | None = None) -> Verdict:
    """What the policies say of a run."""
    previous = {key: entry.get("inputs") or {} for key, entry in base.resources.items()} if base else None
    planned = {key_of(one.urn): masked(one.inputs) for one in run.registrations} if base else None
    return judge(
        Stack(
            name=stack,
            known_settings=settings,
            resources=tuple(of_registration(registration) for registration in run.registrations),
            today=datetime.now(UTC).date(),
            previous=previous,
            planned=planned,
        )
    )


def headline(plan: Plan) -> str:
    """One line: what there is."""
    resources = sum(registration.custom or registration.remote for registration in plan.run.registrations)
    applications = len(plan.mesh.applications)
    return (
        f"{resources} resources, {len(plan.objects)} Kubernetes objects (all valid), "
        f"{len(plan.mesh.namespaces)} namespaces with {applications} applications, mesh {plan.mesh.mode}"
    )


def _settings(stack: str, config: Mapping[str, Any]) -> Settings | None:
    if not any(key.startswith(f"{PROJECT}:") for key in config):
        return None
    try:
        return parse(stack, for_parsing(config))
    except SettingsError as problem:
        raise PlanError(str(problem)) from None


def _clear(value: Any) -> Any:
    return value.value if isinstance(value, Secret) else value


def elsewhere(settings: Settings | None) -> tuple[Workload, ...]:
    """What other pipelines deploy, by the label the settings promise, and what was there before."""
    if settings is None:
        return ()
    provided = [CERT_MANAGER] if settings.cluster.provided.cert_manager else []
    return (
        *(Workload(namespace=name, labels=()) for name in provided),
        *(
            Workload(namespace=namespace.name, labels=(("app", application.name),))
            for namespace in settings.namespaces
            for application in namespace.applications
            if application.workload == "external"
        ),
    )


def _render(stack: str, findings: tuple[Finding, ...]) -> str:
    count = len(findings)
    head = f"Stack {stack!r}: {count} problem{'s' if count != 1 else ''} that the API server would refuse or misread."
    return "\n".join((head, *(f"  {str(finding).replace(chr(10), chr(10) + '  ')}" for finding in findings)))


def print_error(message: object) -> None:
    print(message, file=sys.stderr)

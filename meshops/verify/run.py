"""One run: gathers what the chosen checks need, side by side, and judges it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, get_args

from configuration.settings import Settings
from manifests.names import ISTIO_INGRESS, ISTIO_SYSTEM
from meshops.checks.model import NOT_ASKED, Report, Result, Unavailable, Verdict
from meshops.checks.options import UsageError, chosen
from meshops.progress import Progress, Silent
from meshops.tools import ToolError, Tools
from meshops.verify.calls import Purpose
from meshops.verify.check import ClusterCheck, Fact
from meshops.verify.clock import Clock
from meshops.verify.facts import Edge, Facts, Objects, Traffic
from meshops.verify.gather.analysis import gather_analysis
from meshops.verify.gather.attempts import gather_attempts
from meshops.verify.gather.autoscalers import gather_autoscalers
from meshops.verify.gather.edge import gather_acm, gather_edge, gather_passthrough
from meshops.verify.gather.environments import gather_environments
from meshops.verify.gather.objects import gather_objects, gather_secret
from meshops.verify.gather.proxies import gather_proxies, gather_workloads
from meshops.verify.probes.runs import ProbeRun, clean_leftovers
from meshops.verify.registry import CHECKS
from meshops.verify.stack import Stack
from meshops.verify.subject import FactMissing, Subject

_T = TypeVar("_T")
_NO_PROBES = "See that the kubeconfig's user may make pods and a namespace, and read their logs."


@dataclass(frozen=True, kw_only=True)
class VerifyOptions:
    """kubeconfig: None for the environment's own. only: ids of checks; namespaces: of the stack; empty for all.

    aws_endpoint_url: a stand-in for AWS; None for the environment's AWS_ENDPOINT_URL, or AWS itself.
    resolve: name of a load balancer -> its address, in place of DNS.
    """

    kubeconfig: Path | None = None
    only: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    kubectl: str = "kubectl"
    istioctl: str = "istioctl"
    aws_endpoint_url: str | None = None
    resolve: Mapping[str, str] = field(default_factory=dict)


def verify(
    settings: Settings, options: VerifyOptions | None = None, *, stack: str = "", progress: Progress | None = None
) -> Report:
    """Runs the checks against the cluster. stack: its name, for the report.

    Makes short-lived pods if a chosen check needs traffic, and always removes them. Raises UsageError.
    """
    options = options or VerifyOptions()
    progress = progress or Silent()
    checks = chosen(CHECKS, options.only)
    subject_stack = Stack(name=stack, settings=settings, only=_namespaces(settings, options.namespaces))
    tools = Tools(kubectl=options.kubectl, istioctl=options.istioctl, kubeconfig=options.kubeconfig)
    run = secrets.token_hex(4)
    began = time.monotonic()
    facts = gather(
        subject_stack,
        tools,
        checks,
        run=run,
        aws_endpoint_url=options.aws_endpoint_url,
        resolve=options.resolve,
        progress=progress,
    )
    results = judge(Subject(stack=subject_stack, facts=facts), checks)
    return Report(
        command="verify",
        stack=stack,
        cluster=settings.cluster.name,
        region=settings.region,
        run=run,
        started=facts.now,
        seconds=time.monotonic() - began,
        results=results,
        timings=facts.timings,
    )


def _namespaces(settings: Settings, names: tuple[str, ...]) -> frozenset[str]:
    known = {namespace.name for namespace in settings.namespaces}
    unknown = sorted(set(names) - known)
    if unknown:
        listed = ", ".join(sorted(known)) or "none"
        raise UsageError(f"The stack has no namespace {', '.join(unknown)}: its settings list {listed}.")
    return frozenset(names)


def judge(subject: Subject, checks: tuple[ClusterCheck, ...]) -> tuple[Result, ...]:
    """Every check over the facts. One whose fact is missing is unknown and says why."""
    return tuple(Result(check=check, verdict=_verdict(check, subject)) for check in checks)


def _verdict(check: ClusterCheck, subject: Subject) -> Verdict:
    try:
        return check.judge(subject)
    except FactMissing as missing:
        return missing.fact.verdict()


def gather(
    stack: Stack,
    tools: Tools,
    checks: tuple[ClusterCheck, ...],
    *,
    run: str,
    aws_endpoint_url: str | None = None,
    resolve: Mapping[str, str] | None = None,
    progress: Progress,
) -> Facts:
    """Everything that these checks look at, once. What could not be had says why."""
    wanted: set[Fact] = {fact for check in checks for fact in check.needs}
    clock = Clock(progress)
    now = datetime.now(UTC)
    with clock("objects"):
        objects = gather_objects(tools)
    if isinstance(objects, Unavailable):
        return _none(now, objects, clock.times)
    there: Objects = objects
    pool = ThreadPoolExecutor(max_workers=9)

    def start(fact: Fact, ask: Callable[[], _T | Unavailable]) -> Future[_T | Unavailable]:
        def timed() -> _T | Unavailable:
            with clock(fact):
                return ask()

        return pool.submit(timed if fact in wanted else lambda: NOT_ASKED)

    try:
        edge = start("edge", lambda: gather_edge(stack, there, run, resolve or {}))
        namespaces = (ISTIO_SYSTEM, ISTIO_INGRESS, *(namespace.name for namespace in stack.namespaces))
        revisions = stack.settings.mesh.revisions
        beside = {
            "passthrough": start("passthrough", lambda: gather_passthrough(stack, there, resolve or {})),
            "acm": start("acm", lambda: gather_acm(stack, there, aws_endpoint_url)),
            "secret": start("secret", lambda: gather_secret(tools)),
            "proxies": start("proxies", lambda: gather_proxies(tools, revisions)),
            "workloads": start("workloads", lambda: gather_workloads(tools, stack, there)),
            "analysis": start("analysis", lambda: gather_analysis(tools, revisions)),
            "autoscalers": start("autoscalers", lambda: gather_autoscalers(tools, namespaces)),
            "environments": start("environments", lambda: gather_environments(tools, stack)),
            "attempts": start("attempts", lambda: gather_attempts(tools, stack, there, run)),
        }
        traffic: Traffic | Unavailable = NOT_ASKED
        of_edge: Edge | Unavailable
        if "traffic" in wanted:
            with clock("traffic"):
                purposes = {purpose for check in checks for purpose in check.calls}
                probes = ProbeRun(tools, stack, run, progress)
                traffic, of_edge = _traffic(probes, tools, there, purposes, now, edge)
        else:
            of_edge = edge.result()
        found: dict[str, Any] = {fact: asked.result() for fact, asked in beside.items()}
        return Facts(now=now, objects=objects, edge=of_edge, traffic=traffic, timings=clock.times, **found)
    finally:
        # Not waited for when interrupted: each of them ends by itself.
        pool.shutdown(wait=False, cancel_futures=True)


def _none(now: datetime, why: Unavailable, timings: tuple[tuple[str, float], ...]) -> Facts:
    """Nothing can be looked at."""
    nothing: dict[str, Any] = dict.fromkeys(get_args(Fact), why)
    return Facts(now=now, timings=timings, **nothing)


def _traffic(
    run: ProbeRun,
    tools: Tools,
    objects: Objects,
    purposes: Collection[Purpose],
    now: datetime,
    edge: Future[Edge | Unavailable],
) -> tuple[Traffic | Unavailable, Edge | Unavailable]:
    try:
        clean_leftovers(tools, objects, now)
        with run as probes:
            return probes.with_lines(probes.ask(objects, purposes), edge.result())
    except ToolError as problem:
        reason = Unavailable(reason=f"No traffic could be sent: {problem}", remedy=_NO_PROBES)
        return reason, edge.result()

"""One run of `waves check`: gathers what the gates look at, judges it, and makes the record of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from configuration.settings import Settings
from meshops.checks.model import NOT_ASKED, Check, Report, Result, Unavailable, Verdict
from meshops.checks.options import UsageError, chosen
from meshops.progress import Progress
from meshops.tools import Tools
from meshops.verify.check import ClusterCheck, Fact
from meshops.verify.facts import Facts, Objects
from meshops.verify.gather.objects import gather_objects
from meshops.verify.registry import CHECKS
from meshops.verify.run import judge
from meshops.verify.stack import Stack
from meshops.verify.subject import Subject
from meshops.waves.gate import Gate, GateCheck
from meshops.waves.gates import FROM_VERIFY, GATES
from meshops.waves.record import Promotion, Record, commit_of, promotion, read
from meshops.waves.stages import Standing, stage_of, standings
from meshops.waves.traffic import gather_window, measured

PROMOTED = "MW301"
_VERIFY: tuple[ClusterCheck, ...] = tuple(check for check in CHECKS if check.id in FROM_VERIFY)
ALL: tuple[Check, ...] = tuple(sorted((*_VERIFY, *GATES), key=lambda check: check.id))
"""Every gate, verify's checks among them."""


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """since: what is looked back to. before: the record of a check before the step. after, allowed_signers: the
    record of the environment before, and who may have signed it. program: the checkout."""

    namespaces: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    since: datetime
    before: Path | None = None
    after: Path | None = None
    allowed_signers: Path | None = None
    program: Path


def look(tools: Tools, stack: Stack) -> tuple[Objects, tuple[Standing, ...]] | Unavailable:
    """Where the namespaces in scope stand."""
    objects = gather_objects(tools)
    if isinstance(objects, Unavailable):
        return objects
    return objects, standings(stack.namespaces, objects)


def facts(objects: Objects | Unavailable, now: datetime) -> Facts:
    """Verify's, with nothing but the objects."""
    nothing: dict[str, Any] = dict.fromkeys(get_args(Fact), NOT_ASKED)
    nothing["objects"] = objects
    return Facts(now=now, **nothing)


def scope(stack: str, settings: Settings, namespaces: tuple[str, ...]) -> Stack:
    """Raises UsageError for a namespace that the settings do not list."""
    known = [namespace.name for namespace in settings.namespaces]
    unknown = sorted({*namespaces} - {*known})
    if unknown:
        raise UsageError(f"The stack has no namespace {', '.join(unknown)}: its settings list {', '.join(known)}.")
    return Stack(name=stack, settings=settings, only=frozenset(namespaces))


def check(
    settings: Settings, options: CheckOptions, tools: Tools, *, stack: str, progress: Progress
) -> tuple[Report, Record]:
    """Judges every gate. Raises UsageError."""
    began, now = time.monotonic(), datetime.now(UTC)
    checks = tuple(one for one in chosen(ALL, options.only) if one.id != PROMOTED or _asks_before(options, settings))
    before = read(options.before) if options.before else None
    ticket = _promotion(options)
    there = scope(stack, settings, options.namespaces)
    progress.update("reading the cluster's objects")
    looked = look(tools, there)
    if isinstance(looked, Unavailable):
        results = tuple(Result(check=one, verdict=looked.verdict()) for one in checks)
        found: dict[str, Any] = {}
    else:
        objects, standing = looked
        progress.update(f"reading the access logs since {options.since:%H:%M:%S}")
        # Of the whole stack: callers stand in other namespaces than the one that is checked.
        window = gather_window(tools, there, objects, options.since)
        found = measured(window, there.namespaces)
        at = Gate(
            subject=Subject(stack=there, facts=facts(objects, now)),
            standings=standing,
            window=window,
            now=found,
            before=before,
            promotion=ticket,
        )
        results = tuple(Result(check=one, verdict=_verdict(one, at)) for one in checks)
    report = Report(
        command="waves check",
        stack=stack,
        cluster=settings.cluster.name,
        region=settings.region,
        started=now,
        seconds=time.monotonic() - began,
        results=results,
        notes=_notes(options, settings),
    )
    commit, dirty = commit_of(options.program)
    return report, Record(
        stack=stack,
        environment=settings.environment,
        cluster=settings.cluster.name,
        commit=commit,
        dirty=dirty,
        checked=now,
        window_seconds=round((now - options.since).total_seconds()),
        # A part of the gates is no whole: with --only nothing has passed.
        passed=report.passed and not options.only,
        stages={namespace.name: stage_of(namespace) for namespace in there.namespaces},
        results={result.check.id: result.status for result in results},
        numbers=found,
    )


def _verdict(one: Check, at: Gate) -> Verdict:
    if isinstance(one, GateCheck):
        judged: Callable[[Gate], Verdict] = one.judge
        return judged(at)
    assert isinstance(one, ClusterCheck)
    return judge(at.subject, (one,))[0].verdict


def _asks_before(options: CheckOptions, settings: Settings) -> bool:
    return options.after is not None or settings.promoted_from is not None


def _promotion(options: CheckOptions) -> Promotion | None:
    if options.after is None:
        return None
    if options.allowed_signers is None:
        raise UsageError(f"--after {options.after} needs --allowed-signers FILE: whose signature counts.")
    if not options.allowed_signers.is_file():
        raise UsageError(f"There is no file {options.allowed_signers}: see ssh-keygen(1), ALLOWED SIGNERS.")
    return promotion(options.after, options.allowed_signers, options.program)


def _notes(options: CheckOptions, settings: Settings) -> tuple[str, ...]:
    if _asks_before(options, settings):
        return ()
    return ("No environment stands before this one: set promotedFrom to have its record asked for.",)

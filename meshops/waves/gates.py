"""The gates of a step that verify has no check for: traffic in a window of time, and the environment before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from configuration.applications import Application, Namespace
from meshops.checks.model import Verdict
from meshops.verify.tally import Tally
from meshops.waves.gate import Gate, GateCheck, gate
from meshops.waves.record import Record
from meshops.waves.shadow import as_table, judged, refusals
from meshops.waves.stages import STAGES, stage_of
from meshops.waves.traffic import Measured, Numbers, refused_plaintext

_STATE, _TRAFFIC, _PROMOTION = "Where it stands", "Real requests", "The environment before"

FEWEST = 20
"""Requests on each side of a comparison: of fewer a single one decides."""
_ERRORS_MORE = 0.001
_SLOWER, _SLOWER_MS = 1.25, 5.0
"""How much longer a request may take: a sidecar on each side, and mutual TLS, cost a few milliseconds."""
_OLDEST = timedelta(days=30)


@gate(
    "MW101",
    _STATE,
    name="Settings and cluster agree",
    shows="Each namespace is in the cluster where its settings say: label, sidecars, mode, policies.",
    how="The objects and pods of the namespaces, as the API server has them.",
    severity="critical",
    remedy="`pulumi up` brings the cluster to the settings; restart what has no sidecar (kubectl rollout restart).",
)
def agreement(at: Gate) -> Verdict:
    tally = Tally()
    for standing in at.standings:
        for line in standing.contradictions:
            tally.failed(f"{standing.namespace}: {line}")
        if not standing.contradictions:
            tally.passed(f"{standing.namespace}: {standing.declared}, {standing.meshed} of {standing.pods} pods meshed")
    return tally.verdict("{count} namespaces stand where the settings say.")


@gate(
    "MW201",
    _TRAFFIC,
    name="No plaintext request",
    shows="Nobody called an application of the namespace without an identity, and nobody was refused for it.",
    how="The lines of the applications' own sidecars: a request over mTLS names its caller, plaintext names nobody.",
    severity="critical",
    remedy="Bring the caller into the mesh, or declare why it cannot be; STRICT would refuse it.",
)
def no_plaintext(at: Gate) -> Verdict:
    tally = Tally()
    for namespace, application in _listeners(at):
        where, lines = _requests(at, tally, namespace, application)
        bare = [line for line in lines if not line.downstream_peer]
        counts: dict[str, int] = {}
        for line in bare:
            refused = " (refused)" if refused_plaintext(line) else ""
            what = f"{at.window.caller(line)}: {line.method} {line.path}".rstrip()
            counts[f"{what}{refused}"] = counts.get(f"{what}{refused}", 0) + 1
        for what, count in sorted(counts.items(), key=lambda entry: -entry[1]):
            tally.failed(f"{where}: {count} in plaintext from {what}")
        if lines and not bare:
            tally.passed(f"{where}: {len(lines)} requests, each with its caller's identity")
    return tally.verdict("{count} applications were called over mTLS only.", nothing="Nobody listens in the mesh.")


@gate(
    "MW202",
    _TRAFFIC,
    name="Nothing that the tried policies would refuse",
    shows="Every real request of the window is one that the policies of the next step allow.",
    how="The sidecars judge each request by the policies that are tried out (istio.io/dry-run) and log the verdict.",
    severity="critical",
    remedy="Declare the caller, method and path under `callers`, or find out who it is and stop it.",
)
def nothing_to_refuse(at: Gate) -> Verdict:
    tally = Tally()
    found = None
    for namespace, application in _listeners(at):
        if stage_of(namespace) == "strict":
            tally.note(f"{namespace.name}/{application.name}: its policies are in force, none is tried")
            continue
        where, lines = _requests(at, tally, namespace, application)
        reached = [line for line in lines if not refused_plaintext(line)]
        if reached and not any(map(judged, reached)):
            tally.unknown(f"{where}: {len(reached)} requests, and no policy was tried on any of them")
        refused = {one: count for one, count in refusals(at.window, namespace.name).items() if one.callee == where}
        for one, count in sorted(refused.items(), key=lambda entry: -entry[1]):
            tally.failed(f"{count} × {one.caller}: {one.method} {one.path} of {where}; {one.policy}")  # noqa: RUF001
        if reached and not refused and any(map(judged, reached)):
            tally.passed(f"{where}: {len(reached)} requests, all allowed")
    for namespace in at.namespaces:
        more = refusals(at.window, namespace.name)
        found = more if found is None else found + more
    verdict = tally.verdict(
        "{count} applications got only requests that their policies allow.", nothing="No policy is tried out."
    )
    if verdict.status == "fail" and found:
        return Verdict(status="fail", finding=verdict.finding, evidence=verdict.evidence, table=as_table(found))
    return verdict


@gate(
    "MW203",
    _TRAFFIC,
    name="Errors are not more than before",
    shows="The share of requests that failed is not higher than before the step.",
    how="The proxies' access logs of the window, compared with the record of a check before (--before).",
    severity="critical",
    remedy="Take the step back (`waves rollback`), then look at response_flags and response_code_details of the lines.",
)
def errors(at: Gate) -> Verdict:
    tally = Tally()
    for name, then, now in _compared(at, tally):
        line = f"{name}: {now.errors} of {now.requests} failed, before {then.errors} of {then.requests}"
        if now.error_rate > then.error_rate + _ERRORS_MORE:
            tally.failed(line)
        else:
            tally.passed(line)
    return tally.verdict("{count} applications fail no more often than before.", nothing="Nobody listens.")


@gate(
    "MW204",
    _TRAFFIC,
    name="Requests take no longer than before",
    shows=f"Median and 99th percentile are at most {_SLOWER:g} times what they were before the step, and "
    f"{_SLOWER_MS:g} ms.",
    how="The durations in the proxies' access logs of the window, compared with the record of a check before "
    "(--before).",
    severity="high",
    remedy="See which hop takes the time (duration and upstream_service_time of both sides), and the sidecars' CPU.",
)
def latency(at: Gate) -> Verdict:
    tally = Tally()
    for name, then, now in _compared(at, tally):
        if None in (then.p50, then.p99, now.p50, now.p99):
            tally.unknown(f"{name}: no request was answered")
            continue
        line = f"{name}: p50 {now.p50:g} ms, p99 {now.p99:g} ms; before {then.p50:g} and {then.p99:g} ms"
        slower = [
            one
            for one, other in ((now.p50, then.p50), (now.p99, then.p99))
            if one is not None and other is not None and one > other * _SLOWER + _SLOWER_MS
        ]
        if slower:
            tally.failed(line)
        else:
            tally.passed(line)
    return tally.verdict("{count} applications answer as fast as before.", nothing="Nobody listens.")


def _compared(at: Gate, tally: Tally) -> Iterator[tuple[str, Numbers, Numbers]]:
    """Each application with its numbers before and now, as seen from the same side. What cannot be compared is told."""
    for namespace in at.namespaces:
        for application in namespace.applications:
            name = f"{namespace.name}/{application.name}"
            if application.port is None:
                continue
            if at.before is None:
                tally.unknown(f"{name}: nobody says how it was before: --before FILE, the record of a check then")
                continue
            then, now = at.before.numbers.get(name), at.now.get(name)
            pair = None if then is None or now is None else _pair(then, now)
            if pair is None:
                tally.unknown(f"{name}: fewer than {FEWEST} requests before or now, as its callers or it saw them")
            else:
                yield name, *pair


def _pair(then: Measured, now: Measured) -> tuple[Numbers, Numbers] | None:
    """The callers' view if there is one: it has every hop in it, and is there before the application is in the mesh."""
    for one, other in ((then.callers, now.callers), (then.own, now.own)):
        if min(one.requests, other.requests) >= FEWEST:
            return one, other
    return None


def _listeners(at: Gate) -> Iterator[tuple[Namespace, Application]]:
    """Applications in the mesh that somebody calls."""
    for namespace in at.namespaces:
        for application in namespace.applications:
            if namespace.in_mesh and application.port is not None:
                yield namespace, application


def _requests(at: Gate, tally: Tally, namespace: Namespace, application: Application) -> tuple[str, list]:
    """Of one application in the window. Where somebody is to call it, that nobody did shows nothing."""
    where = f"{namespace.name}/{application.name}"
    if problem := at.window.unread.get(where):
        tally.unknown(f"{where}: its log could not be read: {problem}")
        return where, []
    lines = [line for line in at.window.inbound(namespace.name) if line.application == application.name]
    if not lines and (application.callers or application.hosts):
        tally.unknown(f"{where}: no request in {at.window.seconds} s")
    elif not lines:
        tally.note(f"{where}: nobody is declared to call it, and nobody did")
    return where, lines


@gate(
    "MW301",
    _PROMOTION,
    name="The environment before has passed",
    shows="The environment before this one has taken the same steps, passed its gates at a commit that is in this one, "
    "and one of the allowed signers says so.",
    how="The record that `waves check` wrote there and its signature (--after, --allowed-signers), and git.",
    severity="critical",
    remedy="Run `waves check` in the environment before, at its window's end, and have it signed there.",
)
def promoted(at: Gate) -> Verdict:
    tally, promotion = Tally(), at.promotion
    if promotion is None or promotion.record is None:
        return Verdict(status="unknown", finding="No record of the environment before was given: --after FILE.")
    record, wanted = promotion.record, at.subject.stack.settings.promoted_from
    if wanted is not None and record.stack != wanted:
        tally.failed(f"it is of {record.stack}, and promotedFrom says {wanted}")
    if not promotion.signer:
        tally.failed(f"nobody who may has signed it: {promotion.problem}")
    else:
        tally.passed(f"signed by {promotion.signer}")
    for line in _against(record, at):
        tally.failed(line)
    if not promotion.contained:
        tally.failed(f"its commit {record.commit[:12] or '(none)'} is not in what is checked here")
    for namespace in at.namespaces:
        there = record.stages.get(namespace.name)
        here = stage_of(namespace)
        if there is None:
            tally.failed(f"{namespace.name} was not looked at in {record.stack}")
        elif STAGES.index(here) > STAGES.index(there):
            tally.failed(f"{namespace.name} is {here} here, and was {there} in {record.stack}")
        else:
            tally.passed(f"{namespace.name}: {here} here, {there} in {record.stack}")
    return tally.verdict(f"{record.stack} passed on {record.checked:%Y-%m-%d} at {record.commit[:12]}.")


def _against(record: Record, at: Gate) -> Iterator[str]:
    """What makes it no ticket, whoever signed it."""
    stack, settings = at.subject.stack, at.subject.stack.settings
    if record.stack == stack.name or record.environment == settings.environment:
        yield f"it is of {record.stack}, environment {record.environment}: of this one, not of the one before"
    if not record.passed:
        open_gates = ", ".join(f"{id} {status}" for id, status in record.results.items() if status != "pass")
        yield f"{record.stack} has not passed: {open_gates or 'no gate was asked'}"
    if record.dirty:
        yield f"{record.stack} was checked from files that are in no commit"
    age = at.subject.now - record.checked
    if age > _OLDEST:
        yield f"it is {age.days} days old, more than {_OLDEST.days}"
    elif age < -timedelta(minutes=5):
        yield f"it is of {record.checked:%Y-%m-%d %H:%M}, which is to come"


GATES: tuple[GateCheck, ...] = (agreement, no_plaintext, nothing_to_refuse, errors, latency, promoted)
FROM_VERIFY = ("MV601", "MV602", "MV605", "MV607", "MV609")
"""Verify's checks that are gates too: sidecars, revisions, TLS modes, labels, routes on the shared gateway."""

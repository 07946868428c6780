"""One run: what is chosen is made, by all clients at once, and judged."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from configuration.settings import Settings
from meshops.attack import http
from meshops.attack.catalogue.deploying import home
from meshops.attack.clients.audit import audit_lines
from meshops.attack.clients.probes import AttackPods
from meshops.attack.clients.staging import staged_answers
from meshops.attack.clients.tenancy import Tenancy
from meshops.attack.ground import CAGED, OUTSIDER, Ground
from meshops.attack.judging import marks_of
from meshops.attack.known import Condition
from meshops.attack.model import Answer, Ask, Attempt, Entry, Shot, Step
from meshops.attack.registry import LEGITIMATE, selected
from meshops.attack.shots import raw, to_application
from meshops.attack.verdicts import result
from meshops.checks.model import Report, Result, Unavailable, Verdict
from meshops.checks.options import UsageError
from meshops.progress import Progress, Silent
from meshops.tools import ToolError, Tools
from meshops.verify.gather.objects import gather_objects
from meshops.verify.probes.runs import clean_leftovers
from meshops.verify.stack import Stack

_MARK, _CAGED, _FREE = "mark", "engine-caged", "engine-free"


@dataclass(frozen=True, kw_only=True)
class AttackOptions:
    """kubeconfig: None for the environment's own. only: ids and families; empty for all.

    writes: attempts that change something are made too. generated: requests by the grammar; seed: of it.
    resolve: name of a load balancer -> its address, in place of DNS.
    """

    kubeconfig: Path | None = None
    kubectl: str = "kubectl"
    only: tuple[str, ...] = ()
    writes: bool = False
    generated: int = 300
    seed: int = 1
    resolve: Mapping[str, str] = field(default_factory=dict)


def attack(
    settings: Settings, options: AttackOptions | None = None, *, stack: str = "", progress: Progress | None = None
) -> Report:
    """Makes the chosen attempts and legitimate requests. Raises UsageError.

    Makes short-lived pods, and always removes them.
    """
    options = options or AttackOptions()
    progress = progress or Silent()
    entries = selected(options.only)
    subject = Stack(name=stack, settings=settings)
    tools = Tools(kubectl=options.kubectl, istioctl="istioctl", kubeconfig=options.kubeconfig)
    run = secrets.token_hex(4)
    started, began = datetime.now(UTC), time.monotonic()
    try:
        results, notes = _made(entries, subject, tools, options, run=run, progress=progress)
    except ToolError as problem:
        lost = Unavailable(reason=f"The attempts could not be made: {problem}", remedy="See what kubectl says.")
        results, notes = tuple(Result(check=entry, verdict=lost.verdict()) for entry in entries), ()
    return Report(
        command="attack",
        stack=stack,
        cluster=settings.cluster.name,
        region=settings.region,
        started=started,
        seconds=time.monotonic() - began,
        results=results,
        run=run,
        notes=notes,
    )


def _made(
    entries: Sequence[Entry], subject: Stack, tools: Tools, options: AttackOptions, *, run: str, progress: Progress
) -> tuple[tuple[Result, ...], tuple[str, ...]]:
    progress.update("looking at the cluster")
    objects = gather_objects(tools)
    if isinstance(objects, Unavailable):
        raise ToolError(objects.reason)
    clean_leftovers(tools, objects, datetime.now(UTC))
    ground = Ground.of(
        subject,
        objects,
        run=run,
        nodes=_nodes(tools),
        generated=options.generated,
        seed=options.seed,
        resolve=options.resolve,
    )
    withheld = [entry for entry in entries if not entry.reads_only and not options.writes]
    steps = {entry.id: tuple(entry.steps(ground)) for entry in entries if entry not in withheld}
    empty = [id for id, made in steps.items() if not made]
    numbered: dict[str, Step] = {
        f"{id}.{number}": step for id, made in steps.items() for number, step in enumerate(made)
    }
    numbered |= _bearings(ground)
    if len(numbered) > len(_bearings(ground)) and not ground.resources:
        raise UsageError("This stack has no application that another one may call: there is nothing to protect.")
    since = datetime.now(UTC)
    answers = _answers(entries, numbered, ground, subject, tools, options, progress)
    progress.update("reading the audit log")
    answers = audit_lines(tools, ground, entries, numbered, answers, since)
    ground = replace(
        ground, marks=marks_of({id.partition(":")[2]: answers[id] for id in answers if id.startswith(_MARK)})
    )
    conditions = _conditions(answers)
    results = [
        result(entry, [(step, answers[f"{entry.id}.{number}"]) for number, step in enumerate(steps[entry.id])], ground,
               conditions=conditions)
        for entry in entries
        if steps.get(entry.id)
    ]  # fmt: skip
    if missing := [resource.named for resource in ground.resources if resource.named not in ground.marks]:
        results.append(_unmarked(missing))
    notes = [f"{len(numbered) - len(_bearings(ground))} exchanges, seed {options.seed}"]
    notes += [f"NetworkPolicies: {_engine(conditions)}"]
    if withheld:
        notes.append(f"not made without --writes: {', '.join(entry.id for entry in withheld)}")
    if empty:
        notes.append(f"nothing in this stack to try them on: {', '.join(empty)}")
    return tuple(results), tuple(notes)


def _answers(
    entries: Sequence[Entry],
    numbered: Mapping[str, Step],
    ground: Ground,
    subject: Stack,
    tools: Tools,
    options: AttackOptions,
    progress: Progress,
) -> dict[str, Answer]:
    shots = {id: step for id, step in numbered.items() if isinstance(step, Shot)}
    asks = {id: step for id, step in numbered.items() if isinstance(step, Ask)}
    staged = [entry for entry in entries if isinstance(entry, Attempt) and entry.stage is not None]
    late = {entry.id for entry in staged}
    # Beside each other: what a tenant asks disturbs no traffic.
    with ThreadPoolExecutor(max_workers=1) as pool:
        of_tenant = pool.submit(_of_tenant, asks, ground, tools, options, progress)
        with AttackPods(tools, subject.images, ground.run, ground.istiod, progress) as pods:
            found = pods.answers({id: shot for id, shot in shots.items() if id.partition(".")[0] not in late})
            found |= of_tenant.result()
            return found | staged_answers(tools, staged, ground, shots, pods.answers, progress)


def _of_tenant(
    asks: Mapping[str, Ask], ground: Ground, tools: Tools, options: AttackOptions, progress: Progress
) -> dict[str, Answer]:
    if not asks:
        return {}
    with Tenancy(tools, ground.run, home(ground), writes=options.writes, progress=progress) as tenancy:
        return tenancy.answers(asks)


def _nodes(tools: Tools) -> tuple[str, ...]:
    nodes = json.loads(tools.ask_kubectl("get", "nodes", "--output=json"))["items"]
    return tuple(
        address["address"]
        for node in nodes
        for address in node.get("status", {}).get("addresses") or ()
        if address["type"] == "InternalIP"
    )


def _bearings(ground: Ground) -> dict[str, Step]:
    """What a run must know to judge: what the protected answers are, and which walls this cluster has."""
    found: dict[str, Step] = {
        f"{_MARK}:{resource.named}": to_application(
            ground, ground.caller(resource), resource,
            http.request(resource.authority, resource.path, method=resource.method),
        )
        for resource in ground.resources
    }  # fmt: skip
    api = "kubernetes.default.svc"
    address = ground.addresses.get(("default", "kubernetes"), api)
    found |= {
        _CAGED: raw(CAGED, address, 443, tls={"sni": None}, said="the API server, from a cage"),
        _FREE: raw(OUTSIDER, address, 443, tls={"sni": None}, said="the API server"),
    }
    return found


def _conditions(answers: Mapping[str, Answer]) -> tuple[Condition, ...]:
    found: list[Condition] = ["always"]
    # The same connection, from a pod that a NetworkPolicy of this run lets nowhere, and from one beside it.
    if answers[_CAGED].connected and answers[_FREE].connected:
        found.append("no NetworkPolicy engine")
    return tuple(found)


def _engine(conditions: Sequence[Condition]) -> str:
    if "no NetworkPolicy engine" in conditions:
        return "nobody enforces them here (a pod that one lets nowhere reached the API server)"
    return "enforced (a pod that one lets nowhere did not reach the API server)"


def _unmarked(missing: Sequence[str]) -> Result:
    """Without knowing an answer no one can say that it did not leak."""
    finding = f"{', '.join(missing)} gave its own caller no answer of 200 by which it could be known."
    entry = next(item for item in LEGITIMATE if item.id == "ML101")
    return Result(check=entry, verdict=Verdict(status="unknown", finding=finding))

"""A stack on its way, and a gate at which everything holds; the tests break one thing of it at a time."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

from meshops.checks.model import Verdict
from meshops.verify.access_log import LogLine
from meshops.verify.facts import Objects
from meshops.verify.stack import Stack
from meshops.verify.subject import Subject
from meshops.waves.gate import Gate, GateCheck
from meshops.waves.record import Promotion, Record
from meshops.waves.run import facts
from meshops.waves.stages import stage_of, standings
from meshops.waves.traffic import Measured, Numbers, Window, measured
from tests.unit.meshops.verify import world

BILLING = "cluster.local/ns/shop/sa/billing-sa"
GATEWAY = "cluster.local/ns/istio-ingress/sa/istio-ingressgateway"
FRONTEND = "cluster.local/ns/shop/sa/frontend-sa"


def stack(phase: str = "permissive", **changes: Any) -> Stack:
    """world's, with namespace `ledgers` in another phase, and with other settings of it or of the stack."""
    settings = world.settings(phase)
    own = {key: changes.pop(key) for key in ("authorization",) if key in changes}
    namespaces = tuple(dataclasses.replace(one, **own) if one.name == "ledgers" else one for one in settings.namespaces)
    return Stack(name="test", settings=dataclasses.replace(settings, namespaces=namespaces, **changes))


def line(**changes: Any) -> LogLine:
    """billing asks ledger, which answers; as ledger's own sidecar has it."""
    base = LogLine(
        namespace="ledgers",
        application="ledger",
        method="GET",
        path="/entries/1",
        response_code=200,
        details="via_upstream",
        downstream_peer=BILLING,
        downstream_remote_address="10.0.0.21:40000",
        upstream_cluster="inbound|8080||",
        user_agent="billing/1",
        duration=4,
        shadow_allow="allowed",
    )
    return dataclasses.replace(base, **changes)


def others() -> tuple[LogLine, ...]:
    """What the applications of the other namespace, which is strict, were asked."""
    asked = {"billing": FRONTEND, "frontend": GATEWAY}
    return tuple(
        line(namespace="shop", application=name, downstream_peer=caller, shadow_allow="")
        for name, caller in asked.items()
        for _ in range(30)
    )


def requests(count: int = 30, **changes: Any) -> tuple[LogLine, ...]:
    return tuple(line(**changes) for _ in range(count))


def gate(
    at: Stack | None = None,
    *,
    lines: tuple[LogLine, ...] | None = None,
    objects: Objects | None = None,
    before: Record | None = None,
    promotion: Promotion | None = None,
    unread: dict[str, str] | None = None,
) -> Gate:
    there = at or stack()
    seen = world.objects(there) if objects is None else objects
    written = (*others(), *(requests() if lines is None else lines))
    window = Window(seconds=600, lines=written, unread=unread or {}, addresses={"10.0.0.77": "legacy/cron-1"})
    return Gate(
        subject=Subject(stack=there, facts=facts(seen, world.NOW)),
        standings=standings(there.namespaces, seen),
        window=window,
        now=measured(window, there.namespaces),
        before=before,
        promotion=promotion,
    )


def record(**changes: Any) -> Record:
    """Of the same stack a while ago: fast, and without an error."""
    good = Measured(callers=Numbers(requests=0, errors=0), own=Numbers(requests=500, errors=0, p50=4, p99=9))
    base = Record(
        stack="dev",
        environment="dev",
        cluster="mesh-dev",
        commit="a" * 40,
        dirty=False,
        checked=world.NOW - timedelta(days=2),
        window_seconds=600,
        passed=True,
        stages={one.name: stage_of(one) for one in stack().namespaces},
        results={"MW101": "pass"},
        numbers=dict.fromkeys(("shop/billing", "shop/frontend", "ledgers/ledger"), good),
    )
    return dataclasses.replace(base, **changes)


def said(check: GateCheck, at: Gate) -> Verdict:
    return check.judge(at)

"""What of a request's time the mesh's records and policies are: each taken away, one after the other."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from lab.costs.layers import Found, ask
from lab.reliability.generator import Stream
from lab.reliability.ground import Ground
from lab.reliability.stack import FIRST, GENERATOR_NAMESPACE, Standing, streams
from manifests.document import document
from manifests.names import ISTIO_INGRESS
from meshops.checks.model import Table

_RATE, _CONNECTIONS = 100.0, 4
_NAME = "lab-costs"
_POLICY = "security.istio.io/v1"
_NAMESPACES = (GENERATOR_NAMESPACE, FIRST, ISTIO_INGRESS)
# What a Telemetry of a namespace says in place of the mesh's:
# https://istio.io/latest/docs/reference/config/telemetry/
_NO_LOG: dict[str, Any] = {"accessLogging": [{"disabled": True}]}
_NO_TRACES: dict[str, Any] = {"tracing": [{"disableSpanReporting": True}]}
_NO_METRICS: dict[str, Any] = {
    "metrics": [{"overrides": [{"match": {"metric": "ALL_METRICS", "mode": "CLIENT_AND_SERVER"}, "disabled": True}]}]
}
_STEPS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("as it is deployed", {}),
    ("without the access log", _NO_LOG),
    ("and without traces", {**_NO_LOG, **_NO_TRACES}),
    ("and without metrics", {**_NO_LOG, **_NO_TRACES, **_NO_METRICS}),
)
_LAST = "and with one policy that allows everything in place of the namespace's own"


def measure(ground: Ground, *, seconds: float) -> Table:
    """p50 / p99 of both ways at 100 a second. Raises LabError."""
    ground.bring_to(Standing())
    meshed = {stream.name: stream for stream in streams(ground.plane)}
    ways = [meshed[f"{FIRST}, {place}, HTTP/1.1"] for place in ("pod", "load balancer")]
    rows = []
    with _telemetry(ground):
        for name, spec in _STEPS:
            for namespace in _NAMESPACES if spec else ():
                ground.objects().apply(
                    document("telemetry.istio.io/v1", "Telemetry", _NAME, namespace=namespace, spec=spec)
                )
            rows.append((name, *_asked(ground, ways, seconds)))
        ground.standing = None
        # The mesh's own refuses what no other allows.
        everyone = document(
            _POLICY, "AuthorizationPolicy", _NAME, namespace=FIRST, spec={"action": "ALLOW", "rules": [{}]}
        )
        ground.kubectl("delete", "authorizationpolicy", "--all", f"--namespace={FIRST}")
        ground.objects().apply(everyone)
        rows.append((_LAST, *_asked(ground, ways, seconds)))
    return Table(header=("p50 / p99", "pod to pod", "all three layers"), rows=tuple(rows))


def _asked(ground: Ground, ways: list[Stream], seconds: float) -> Iterator[str]:
    for way in ways:
        found: Found = ask(ground, replace(way, rate=_RATE, connections=_CONNECTIONS, reuse=0), seconds)
        yield str(found)


@contextmanager
def _telemetry(ground: Ground) -> Generator[None]:
    try:
        yield
    finally:
        for namespace in _NAMESPACES:
            ground.kubectl("delete", "telemetry", _NAME, f"--namespace={namespace}", "--ignore-not-found")

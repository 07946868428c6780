"""What each layer adds to a request, beside the same application without a mesh and bare Envoys with the same hops."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lab.costs import bare
from lab.errors import LabError
from lab.reliability import generator
from lab.reliability.generator import Stream
from lab.reliability.ground import Ground
from lab.reliability.requests import Latency, Request, latency
from lab.reliability.stack import FIRST, OTHERS, WEB, Standing, streams
from meshops.checks.model import Table

RATES: tuple[tuple[str, float, int], ...] = (("100/s", 100.0, 4), ("1000/s", 1000.0, 8), ("as many as go", -1.0, 8))
"""Title, requests a second over all connections (fortio takes less than 0 for no limit), connections."""
_OUTSIDE = OTHERS[0]
_PORT = 8080
# The first requests open connections.
_WARM_SECONDS = 1.0

WITHOUT = "no mesh: to the application itself"
BARE_POD = "bare Envoys, pod to pod: mTLS"
POD = "the mesh, pod to pod: both sidecars, mTLS"
BARE_ALL = "bare Envoys, all three hops: TLS, TLS, mTLS"
ALL = "the mesh, all three layers: load balancer, gateway, sidecar"


@dataclass(frozen=True, kw_only=True)
class Found:
    """a second: answered requests; lost: not answered by a 2xx."""

    times: Latency
    a_second: float
    lost: int

    def __str__(self) -> str:
        if self.times.p50 is None or self.times.p99 is None:
            return "-"
        lost = f", {self.lost} lost" if self.lost else ""
        return f"{self.times.p50:.2f} / {self.times.p99:.2f} ms at {self.a_second:.0f}/s{lost}"


def measure(ground: Ground, *, seconds: float) -> Table:
    """p50 / p99 of each way at each rate, one after the other. Raises LabError."""
    ground.bring_to(Standing(phases={FIRST: "strict", _OUTSIDE: "outside"}))
    address = _pod_address(ground)
    with tempfile.TemporaryDirectory(prefix="costs-") as scratch, bare.running(Path(scratch), (address, _PORT)) as hops:
        ways = dict(_ways(ground, address, hops))
        found = {
            (name, title): ask(ground, replace(stream, name=name, rate=rate, connections=connections), seconds)
            for title, rate, connections in RATES
            for name, stream in ways.items()
        }
    titles = [title for title, _, _ in RATES]
    rows = [(name, *(str(found[name, title]) for title in titles)) for name in ways]
    for name, one, other in (("pod to pod, of bare hops", POD, BARE_POD), ("all three, of bare hops", ALL, BARE_ALL)):
        rows.append((name, *(_ratio(found[one, title], found[other, title]) for title in titles)))
    return Table(header=("p50 / p99", *titles), rows=tuple(rows))


def _ways(ground: Ground, address: str, hops: bare.Bare) -> Iterator[tuple[str, Stream]]:
    meshed = {stream.name: stream for stream in streams(ground.plane)}
    through, inside = (meshed[f"{FIRST}, {place}, HTTP/1.1"] for place in ("load balancer", "pod"))
    direct = Stream(
        name="", place="load balancer", protocol="http1", url=f"http://{address}:{_PORT}/", rate=1.0
    )  # fmt: skip
    yield WITHOUT, direct
    yield BARE_POD, replace(direct, url=hops.pod_to_pod)
    yield POD, replace(inside, reuse=0)
    yield BARE_ALL, replace(direct, url=hops.whole_way, resolve="127.0.0.1", ca_cert=str(hops.authority))
    yield ALL, replace(through, reuse=0)


def ask(ground: Ground, stream: Stream, seconds: float) -> Found:
    """One way, for so many seconds once its connections are open. Raises LabError if nobody is asked."""
    with generator.running(ground.plane, [stream]) as load:
        time.sleep(_WARM_SECONDS + seconds)
    if not load.requests:
        raise LabError(f"{stream.name}: nobody was asked; {' '.join(load.said[:3])}")
    begin = min(request.began for request in load.requests) + _WARM_SECONDS
    counted: list[Request] = [request for request in load.requests if request.began >= begin]
    answered = [request for request in counted if request.ok]
    return Found(times=latency(counted), a_second=len(answered) / seconds, lost=len(counted) - len(answered))


def _pod_address(ground: Ground) -> str:
    """Of one pod of the application outside the mesh."""
    where = (f"--namespace={_OUTSIDE}", f"--selector=app={WEB}", "--output=json")
    pods = json.loads(ground.kubectl("get", "pods", *where))["items"]
    addresses = [pod["status"]["podIP"] for pod in pods if pod["status"].get("phase") == "Running"]
    if not addresses:
        raise LabError(f"no pod of {_OUTSIDE}/{WEB} runs")
    return addresses[0]


def _ratio(one: Found, other: Found) -> str:
    if not (one.times.p50 and other.times.p50):
        return "-"
    return f"p50 {one.times.p50 / other.times.p50:.2f} times"

"""Real requests of a window of time, from the access logs of the proxies on their way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from configuration.applications import Namespace
from manifests.names import GATEWAY_SELECTOR
from meshops.tools import ToolError, Tools
from meshops.verify.access_log import LogLine, parse_lines
from meshops.verify.facts import MANAGED_BY, RUN_LABEL, Objects
from meshops.verify.stack import GATEWAY_KEY, Stack

_PROXY = "istio-proxy"
_INBOUND = "inbound|"
_OUTBOUND = "outbound|"
_PLAINTEXT_REFUSED = "filter_chain_not_found"
_READ_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class Window:
    """lines: what the proxies of the applications and the gateway wrote. unread: whose log could not be read, and why.

    addresses: of a pod -> `namespace/name`.
    """

    seconds: int
    lines: tuple[LogLine, ...]
    unread: Mapping[str, str]
    addresses: Mapping[str, str]

    def inbound(self, namespace: str) -> Iterator[LogLine]:
        """What came to the applications of a namespace: requests, and connections that were refused."""
        return (line for line in self.lines if line.namespace == namespace and is_inbound(line))

    def calls_to(self, host: str) -> Iterator[LogLine]:
        """What others' proxies, the gateway's among them, asked of a Service, by its full name."""
        return (line for line in self.lines if line.upstream_cluster.startswith(_OUTBOUND) and _host(line) == host)

    def caller(self, line: LogLine) -> str:
        """Who sent a request: its identity, or the pod or address that showed none."""
        if line.downstream_peer:
            return line.downstream_peer
        address = line.downstream_remote_address.rpartition(":")[0]
        return f"no identity ({self.addresses.get(address, address or 'unknown')})"


def is_inbound(line: LogLine) -> bool:
    """Whether it came to the pod whose proxy wrote the line. Of plaintext that STRICT refused there is no cluster."""
    return line.upstream_cluster.startswith(_INBOUND) or refused_plaintext(line)


def refused_plaintext(line: LogLine) -> bool:
    return _PLAINTEXT_REFUSED in (line.details, line.termination) or _PLAINTEXT_REFUSED in line.reason


def _host(line: LogLine) -> str:
    return line.upstream_cluster.rpartition("|")[2]


def gather_window(tools: Tools, stack: Stack, objects: Objects, since: datetime) -> Window:
    """The lines since then. All namespaces of the stack are read: callers are in others than the callee."""
    wanted: dict[tuple[str, str], str] = {
        (namespace.name, application.name): f"app={application.name},!{RUN_LABEL}"
        for namespace in stack.settings.namespaces
        for application in namespace.applications
        if any(pod.sidecar for pod in objects.pods_of(namespace.name, {"app": application.name}))
    }
    gateway = ",".join(f"{key}={value}" for key, value in GATEWAY_SELECTOR.items())
    wanted[GATEWAY_KEY] = f"{gateway},!{RUN_LABEL}"

    def ask(entry: tuple[tuple[str, str], str]) -> tuple[tuple[str, str], str, str]:
        (namespace, application), selector = entry
        try:
            return (namespace, application), _ask(tools, namespace, selector, since), ""
        except ToolError as problem:
            return (namespace, application), "", str(problem)

    with ThreadPoolExecutor(max_workers=4) as pool:
        answers = tuple(pool.map(ask, wanted.items()))
    return Window(
        seconds=round((datetime.now(UTC) - since).total_seconds()),
        lines=tuple(
            line
            for (namespace, application), text, _ in answers
            for line in parse_lines(text, namespace=namespace, application=application)
            if is_real(line)
        ),
        unread={"/".join(key): problem for key, _, problem in answers if problem},
        addresses={pod.ip: str(pod) for pod in objects.pods if pod.ip and not pod.host_network},
    )


def is_real(line: LogLine) -> bool:
    """Not one of verify's own: they try what must be refused."""
    return not line.user_agent.startswith(f"{MANAGED_BY}/")


def _ask(tools: Tools, namespace: str, selector: str, since: datetime) -> str:
    return tools.ask_kubectl(
        "logs",
        f"--namespace={namespace}",
        f"--selector={selector}",
        f"--container={_PROXY}",
        f"--since-time={since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "--tail=-1",
        "--max-log-requests=100",
        seconds=_READ_SECONDS,
    )


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """Of the requests to one application. errors: no answer, 5xx, or refused by a policy. p50, p99: milliseconds."""

    requests: int
    errors: int
    p50: float | None = None
    p99: float | None = None

    @property
    def error_rate(self) -> float:
        return self.errors / self.requests if self.requests else 0.0


@dataclass(frozen=True, kw_only=True)
class Measured:
    """callers: as its callers' proxies saw it, what it takes to get there included; own: as its own sidecar did."""

    callers: Numbers
    own: Numbers


def measured(window: Window, namespaces: Iterable[Namespace]) -> dict[str, Measured]:
    """`namespace/application` -> its numbers, of every application that listens."""
    found = {}
    for namespace in namespaces:
        for application in namespace.applications:
            if application.port is not None:
                host = f"{application.name}.{namespace.name}.svc.cluster.local"
                own = (line for line in window.inbound(namespace.name) if line.application == application.name)
                found[f"{namespace.name}/{application.name}"] = Measured(
                    callers=numbers(window.calls_to(host)), own=numbers(own)
                )
    return found


def numbers(lines: Iterable[LogLine]) -> Numbers:
    there = tuple(lines)
    times = sorted(line.duration for line in there if line.duration is not None and not failed(line))
    return Numbers(
        requests=len(there),
        errors=sum(map(failed, there)),
        p50=_quantile(times, 0.5),
        p99=_quantile(times, 0.99),
    )


def failed(line: LogLine) -> bool:
    """Whether the caller got no answer of the application, or one that says it could not."""
    if not line.method:  # opaque TCP: a connection has flags only
        return bool(line.flags) or refused_plaintext(line)
    return not line.response_code or line.response_code >= 500 or "rbac_access_denied" in line.reason


def _quantile(times: list[int], share: float) -> float | None:
    """The nearest rank."""
    return float(times[max(0, -(-len(times) * int(share * 1000) // 1000) - 1)]) if times else None

"""Finds, in the access logs of the proxies on its way, the lines about each call."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from manifests.mesh_graph import Member
from manifests.names import GATEWAY_SELECTOR
from meshops.checks.model import Unavailable
from meshops.tools import ToolError, Tools
from meshops.verify.access_log import LogLine, matching, parse_lines
from meshops.verify.calls import Client
from meshops.verify.facts import RUN_LABEL, Answer, Edge, Exchange, HttpAnswer, Traffic, line_of
from meshops.verify.probes.pods import PROXY, agent_of
from meshops.verify.stack import GATEWAY_KEY, Stack

_SECONDS = 15
"""Proxies write their log once a second; a line that is not there after this long is not coming."""
_WITH_SIDECAR = "sidecar.istio.io/inject!=false"
"""Of the run's pods those with a proxy: for one without, kubectl would give the log of none."""
POD_PREFIX = re.compile(r"\[pod/([^/]+)/[^\]]+\] ?")
"""What kubectl puts before a line of one of several pods."""

_Found = tuple[tuple[Exchange, ...], Edge | Unavailable]


@dataclass(frozen=True, kw_only=True)
class ProxyLogs:
    """pods: the run's probe pods, by name. since: when the run began, as kubectl takes it."""

    tools: Tools
    stack: Stack
    run: str
    since: str
    pods: Mapping[str, Client]

    def with_lines(self, exchanges: Sequence[Exchange], edge: Edge | Unavailable) -> tuple[Traffic, Edge | Unavailable]:
        """Adds to each call what the proxies wrote. Asks again until the lines that must come are there."""
        deadline = time.monotonic() + _SECONDS
        while True:
            found, outer = self._joined(exchanges, edge, tuple(self._lines()))
            if time.monotonic() > deadline or not _missing(found, outer, self.stack):
                return Traffic(exchanges=found), outer
            time.sleep(0.7)

    def _lines(self) -> Iterator[LogLine]:
        """What the applications' sidecars, the gateway and the probe pods' own sidecars wrote since the run began."""
        probes = sorted({client.namespace for client in self.pods.values() if client.injected})
        gateway = ",".join(f"{key}={value}" for key, value in GATEWAY_SELECTOR.items())
        wanted: list[tuple[str, str, str]] = [
            *(
                (member.namespace.name, member.name, f"app={member.name},!{RUN_LABEL}")
                for member in self.stack.listeners
            ),
            (*GATEWAY_KEY, f"{gateway},!{RUN_LABEL}"),
            *((namespace, "", f"{RUN_LABEL}={self.run},{_WITH_SIDECAR}") for namespace in probes),
        ]
        with ThreadPoolExecutor(max_workers=4) as pool:
            texts = pool.map(lambda entry: self._ask(entry[0], entry[2]), wanted)
            for (namespace, application, _), text in zip(wanted, texts, strict=True):
                if application:
                    yield from parse_lines(text, namespace=namespace, application=application)
                else:
                    yield from _of_probes(text, namespace)

    def _ask(self, namespace: str, selector: str) -> str:
        try:
            return self.tools.ask_kubectl(
                "logs",
                f"--namespace={namespace}",
                f"--selector={selector}",
                f"--container={PROXY}",
                f"--since-time={self.since}",
                "--tail=-1",
                "--max-log-requests=100",
                "--prefix",
                "--ignore-errors",
            )
        except ToolError:
            return ""  # whoever needs a line of it says that there is none

    def _joined(self, exchanges: Iterable[Exchange], edge: Edge | Unavailable, lines: tuple[LogLine, ...]) -> _Found:
        by_client = {client: name for name, client in self.pods.items()}
        found = tuple(
            self._exchange(exchange, by_client.get(exchange.call.client, ""), lines) for exchange in exchanges
        )
        if isinstance(edge, Unavailable):
            return found, edge
        return found, replace(
            edge,
            answers=tuple(replace(answer, lines=matching(lines, agent=answer.agent)) for answer in edge.answers),
        )

    def _exchange(self, exchange: Exchange, pod: str, lines: Iterable[LogLine]) -> Exchange:
        call = exchange.call
        # A name in TLS tells one call from another only within one pod.
        seen = (line for line in lines if not line.client or line.application == pod)
        found = matching(
            seen,
            agent=agent_of(self.run, call.id),
            remote_address=exchange.answer.local_address if isinstance(exchange.answer, Answer) else "",
            server_name=call.host if call.callee is None and call.client.injected else "",
        )
        return replace(exchange, lines=found)


def _of_probes(text: str, namespace: str) -> Iterator[LogLine]:
    """The lines of several probe pods, each behind the name of its own."""
    for raw in text.splitlines():
        if match := POD_PREFIX.match(raw):
            yield from parse_lines(raw, namespace=namespace, application=match[1], client=True)


def _missing(exchanges: Iterable[Exchange], edge: Edge | Unavailable, stack: Stack) -> bool:
    """Whether a line that must come has not come yet."""
    if any(_incomplete(exchange) for exchange in exchanges):
        return True
    if isinstance(edge, Unavailable):
        return False
    by_host = {host: member for member in stack.published for host in member.application.hosts}
    return any(
        _has_a_line(answer, member) and not line_of(answer.lines, member.namespace.name, member.name)
        for answer in edge.answers
        if (member := by_host.get(answer.host))
    )


def _has_a_line(answer: HttpAnswer, member: Member) -> bool:
    """Whether the application's sidecar was asked; one that asks for a token also writes about those it refuses."""
    return answer.status in (range(200, 500) if member.application.authentication else range(200, 400))


def _incomplete(exchange: Exchange) -> bool:
    call, callee = exchange.call, exchange.call.callee
    if isinstance(exchange.answer, Unavailable):
        return False
    if call.purpose == "agent":
        return False  # past its sidecar
    if callee is None:
        # Of a host outside the cluster only the caller's own proxy can tell.
        return call.client.injected and exchange.client_line is None
    if not exchange.answer.http_code or not call.expects_server_line():
        return False
    sides = [exchange.line_of(callee.namespace.name, callee.name)]
    if call.purpose == "gateway":
        sides.append(exchange.line_of(*GATEWAY_KEY))
    if call.client.injected:
        sides.append(exchange.client_line)
    return None in sides

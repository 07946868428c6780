"""Runs the probe pods: makes them, waits for what curl printed, finds the proxies' lines, removes everything."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from manifests.document import Document
from manifests.mesh_graph import Member
from manifests.names import GATEWAY_SELECTOR
from meshops.preflight_result import Unavailable
from meshops.verify.access_log import LogLine, matching, parse_lines
from meshops.verify.call_plan import EVERY_PURPOSE, first_calls, past_network_policy
from meshops.verify.calls import OUTSIDE, Call, Client, Purpose
from meshops.verify.facts import (
    MANAGED_BY,
    RUN_LABEL,
    Answer,
    Edge,
    Exchange,
    Objects,
    Traffic,
    line_of,
)
from meshops.verify.probes import (
    CONTAINER,
    DEADLINE_SECONDS,
    PROXY,
    agent_of,
    answers,
    namespace_document,
    pod_document,
    run_namespace,
)
from meshops.verify.stack import GATEWAY_KEY, Stack
from meshops.verify.tools import ToolError, Tools

_BATCH = 12
"""Probe pods at a time."""
_WAIT_SECONDS = 120
_LOG_SECONDS = 8
"""Proxies write their log once a second; a line that is not there after this long is not coming."""
_POLL_SECONDS = 0.4
_TIMED_OUT = 28
_REMEDY = "See why the probe pods did not run: kubectl describe pod -A -l app.kubernetes.io/managed-by=meshops-verify."

_Output = dict[str, str]
"""Pod name -> what its container printed."""


def clean_leftovers(tools: Tools, now: datetime) -> None:
    """Removes what runs left that were killed. One that may still be going on is left alone. Raises ToolError."""
    selector = f"--selector=app.kubernetes.io/managed-by={MANAGED_BY}"
    for kind, scope in (("pods", ("--all-namespaces",)), ("namespaces", ())):
        text = tools.ask_kubectl("get", kind, *scope, selector, "--output=json")
        for item in json.loads(text)["items"]:
            metadata = item["metadata"]
            made = datetime.fromisoformat(metadata["creationTimestamp"].replace("Z", "+00:00"))
            if now - made > timedelta(seconds=DEADLINE_SECONDS):
                where = (f"--namespace={metadata['namespace']}",) if scope else ()
                tools.ask_kubectl("delete", kind, metadata["name"], *where, "--ignore-not-found", "--wait=false")


class ProbeRun:
    """One run's pods, as a context manager: whatever happens, they are gone in the end."""

    def __init__(self, tools: Tools, stack: Stack, run: str) -> None:
        self._tools = tools
        self._stack = stack
        self._run = run
        self._pods: dict[str, Client] = {}
        # A little earlier than now: the nodes' clocks may be behind ours.
        self._since = (datetime.now(UTC) - timedelta(seconds=10)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def __enter__(self) -> ProbeRun:
        return self

    def __exit__(self, *problem: object) -> None:
        if not self._pods:
            return
        selector = f"--selector={RUN_LABEL}={self._run}"
        self._tools.ask_kubectl(
            "delete", "pods", "--all-namespaces", selector, "--ignore-not-found", "--wait=false", "--grace-period=1"
        )
        self._tools.ask_kubectl("delete", "namespace", run_namespace(self._run), "--ignore-not-found", "--wait=false")

    def ask(
        self, objects: Objects, purposes: Collection[Purpose] = EVERY_PURPOSE
    ) -> tuple[tuple[Exchange, ...], _Output]:
        """Makes every call of these purposes, and again those that only a NetworkPolicy stopped. Raises ToolError."""
        gateways = {
            pod.name: pod.ip for pod in objects.pods_of(GATEWAY_KEY[0], GATEWAY_SELECTOR) if pod.running and pod.ip
        }
        exchanges, proxies = self._make(first_calls(self._stack, gateways, purposes))
        stopped = [
            exchange.call.callee
            for exchange in exchanges
            if exchange.call.purpose == "plaintext"
            and exchange.call.callee is not None
            and isinstance(exchange.answer, Answer)
            and exchange.answer.exit_code == _TIMED_OUT
        ]
        if stopped:
            more, of_more = self._make(past_network_policy(self._stack, stopped))
            return (*exchanges, *more), {**proxies, **of_more}
        return exchanges, proxies

    def _make(self, calls: Sequence[Call]) -> tuple[tuple[Exchange, ...], _Output]:
        """The calls with their answers, and what the probe pods' own proxies wrote."""
        by_client: dict[Client, list[Call]] = {}
        for call in calls:
            by_client.setdefault(call.client, []).append(call)
        clients = list(by_client)
        found: dict[str, Answer | Unavailable] = {}
        proxies: _Output = {}
        for start in range(0, len(clients), _BATCH):
            batch = {f"meshops-verify-{self._run}-{len(self._pods) + index}": client
                     for index, client in enumerate(clients[start : start + _BATCH])}  # fmt: skip
            self._create(batch, by_client)
            outcomes = self._await(batch)
            for name, client in batch.items():
                outcome = outcomes[name]
                printed = answers(outcome) if isinstance(outcome, str) else {}
                silent = outcome if isinstance(outcome, Unavailable) else _silent(name, outcome)
                found |= {call.id: printed.get(call.id, silent) for call in by_client[client]}
            proxies |= self._own_proxies(batch)
        return tuple(Exchange(call=call, answer=found[call.id]) for call in calls), proxies

    def _create(self, batch: Mapping[str, Client], by_client: Mapping[Client, list[Call]]) -> None:
        documents: list[Document] = []
        if OUTSIDE in batch.values():
            documents.append(namespace_document(self._run))
        documents += [
            pod_document(name, client, by_client[client], run=self._run, images=self._stack.images)
            for name, client in batch.items()
        ]
        self._pods |= batch  # before they exist, so that an interruption finds them
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
        self._tools.ask_kubectl("create", "--validate=false", "--filename=-", stdin=text, seconds=60)

    def _await(self, batch: Mapping[str, Client]) -> dict[str, str | Unavailable]:
        """Pod name -> what its container printed, or why it printed nothing."""
        outcomes: dict[str, str | Unavailable] = {}
        deadline = time.monotonic() + _WAIT_SECONDS
        states: dict[str, Mapping[str, Any]] = {}
        while len(outcomes) < len(batch) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            text = self._tools.ask_kubectl(
                "get", "pods", "--all-namespaces", f"--selector={RUN_LABEL}={self._run}", "--output=json"
            )
            states = {item["metadata"]["name"]: item for item in json.loads(text)["items"]}
            for name in batch:
                if name not in outcomes and name in states and _ended(states[name]):
                    outcomes[name] = self._printed(batch[name], name, CONTAINER)
        for name in batch:
            if name not in outcomes:
                reason = f"Probe pod {name} did not finish in {_WAIT_SECONDS} s: {_why(states.get(name))}"
                outcomes[name] = Unavailable(reason=reason, remedy=_REMEDY)
        return outcomes

    def _printed(self, client: Client, pod: str, container: str) -> str | Unavailable:
        namespace = client.namespace or run_namespace(self._run)
        try:
            return self._tools.ask_kubectl("logs", pod, f"--namespace={namespace}", f"--container={container}")
        except ToolError as problem:
            return Unavailable(reason=str(problem), remedy=_REMEDY)

    def _own_proxies(self, batch: Mapping[str, Client]) -> _Output:
        if not any(client.injected for client in batch.values()):
            return {}
        time.sleep(1.2)  # they write once a second, and these end with their pods
        printed = {name: self._printed(client, name, PROXY) for name, client in batch.items() if client.injected}
        return {name: text for name, text in printed.items() if isinstance(text, str)}

    def with_lines(
        self, exchanges: tuple[Exchange, ...], proxies: _Output, edge: Edge | Unavailable
    ) -> tuple[Traffic, Edge | Unavailable]:
        """Adds what the proxies wrote about each call. Asks again until the lines that must come are there."""
        own = [
            line
            for name, text in proxies.items()
            for line in parse_lines(text, namespace=self._pods[name].namespace, application=name, client=True)
        ]
        deadline = time.monotonic() + _LOG_SECONDS
        while True:
            lines = [*own, *self._proxy_lines()]
            found = tuple(self._joined(exchange, lines, self._pod_of(exchange.call)) for exchange in exchanges)
            outer = _joined_edge(edge, lines)
            if time.monotonic() > deadline or not _missing(found, outer, self._stack):
                return Traffic(exchanges=found), outer
            time.sleep(1)

    def _pod_of(self, call: Call) -> str:
        return next((name for name, client in self._pods.items() if client == call.client), "")

    def _joined(self, exchange: Exchange, lines: Iterable[LogLine], pod: str) -> Exchange:
        call = exchange.call
        address = exchange.answer.local_address if isinstance(exchange.answer, Answer) else ""
        # A name in TLS tells one call from another only within one pod.
        own = tuple(line for line in lines if not line.client or line.application == pod)
        found = matching(
            own,
            agent=agent_of(self._run, call.id),
            remote_address=address,
            server_name=call.host if call.callee is None and call.client.injected else "",
        )
        return Exchange(call=call, answer=exchange.answer, lines=found)

    def _proxy_lines(self) -> Iterator[LogLine]:
        """What sidecars and gateway wrote since the run began."""
        wanted: list[tuple[str, str, str]] = [
            (member.namespace.name, member.name, f"app={member.name}") for member in self._stack.listeners
        ]
        gateway = ",".join(f"{key}={value}" for key, value in GATEWAY_SELECTOR.items())
        wanted.append((*GATEWAY_KEY, gateway))
        with ThreadPoolExecutor(max_workers=4) as pool:
            for (namespace, application, _), text in zip(wanted, pool.map(self._logs, wanted), strict=True):
                yield from parse_lines(text, namespace=namespace, application=application)

    def _logs(self, wanted: tuple[str, str, str]) -> str:
        namespace, _, selector = wanted
        try:
            return self._tools.ask_kubectl(
                "logs",
                f"--namespace={namespace}",
                f"--selector={selector},!{RUN_LABEL}",
                f"--container={PROXY}",
                f"--since-time={self._since}",
                "--tail=-1",
                "--max-log-requests=100",
                "--ignore-errors",
            )
        except ToolError:
            return ""  # whoever needs a line of it says that there is none


def _joined_edge(edge: Edge | Unavailable, lines: list[LogLine]) -> Edge | Unavailable:
    if isinstance(edge, Unavailable):
        return edge
    joined = tuple(replace(answer, lines=matching(lines, agent=answer.agent)) for answer in edge.answers)
    return replace(edge, answers=joined)


def _missing(exchanges: Iterable[Exchange], edge: Edge | Unavailable, stack: Stack) -> bool:
    """Whether a line that must come has not come yet."""
    for exchange in exchanges:
        call = exchange.call
        answered = isinstance(exchange.answer, Answer) and exchange.answer.http_code > 0
        if call.callee and answered and call.expects_server_line() and not _server_line(exchange, call.callee):
            return True
    if isinstance(edge, Unavailable):
        return False
    by_host = {host: member for member in stack.published for host in member.application.hosts}
    return any(
        answer.status in range(200, 400) and not line_of(answer.lines, member.namespace.name, member.name)
        for answer in edge.answers
        if (member := by_host.get(answer.host))
    )


def _server_line(exchange: Exchange, callee: Member) -> LogLine | None:
    return exchange.line_of(callee.namespace.name, callee.name)


def _ended(pod: Mapping[str, Any]) -> bool:
    status = pod.get("status") or {}
    states = {entry["name"]: entry.get("state") or {} for entry in status.get("containerStatuses") or ()}
    return "terminated" in states.get(CONTAINER, {})


def _why(pod: Mapping[str, Any] | None) -> str:
    """The first thing that a pod which does not run says about it."""
    if pod is None:
        return "it does not exist"
    status = pod.get("status") or {}
    for entry in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (entry.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in (None, "PodInitializing", "ContainerCreating"):
            return f"{entry['name']}: {waiting['reason']} {waiting.get('message', '')}".strip()
    for condition in status.get("conditions") or ():
        if condition.get("status") == "False" and condition.get("message"):
            return str(condition["message"])
    return f"its phase is {status.get('phase', 'unknown')}"


def _silent(pod: str, output: str | Unavailable) -> Unavailable:
    words = " ".join(str(output).split())[-200:]
    return Unavailable(
        reason=f"Probe pod {pod} printed nothing about this call: {words or 'no output'}", remedy=_REMEDY
    )

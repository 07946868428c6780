"""Runs the probe pods: makes them, waits for what curl printed, and removes them whatever happens."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from manifests.document import Document
from manifests.names import GATEWAY_SELECTOR
from meshops.checks.model import Unavailable
from meshops.progress import Progress, Silent
from meshops.tools import ToolError, Tools, as_list
from meshops.verify.calling.network import network_calls
from meshops.verify.calling.plan import EVERY_PURPOSE, first_calls, past_network_policy
from meshops.verify.calls import CAGED, OUTSIDE, Call, Client, Purpose
from meshops.verify.facts import (
    RUN_LABEL,
    Answer,
    Edge,
    Exchange,
    Objects,
    Traffic,
)
from meshops.verify.probes.logs import POD_PREFIX, ProxyLogs
from meshops.verify.probes.pods import (
    CONTAINER,
    DEADLINE_SECONDS,
    answers,
    cage,
    namespace_document,
    pod_document,
    run_namespace,
)
from meshops.verify.stack import GATEWAY_KEY, ROOT, Stack

_BATCH = 12
"""Probe pods at a time."""
_WAIT_SECONDS = 120
_POLL_SECONDS = 0.4
_TIMED_OUT = 28
_REMEDY = "See why the probe pods did not run: kubectl describe pod -A -l app.kubernetes.io/managed-by=meshops-verify."


def clean_leftovers(tools: Tools, objects: Objects, now: datetime) -> None:
    """Removes what runs left that were killed. One that may still be going on is left alone. Raises ToolError."""
    for item in objects.leftovers:
        made = datetime.fromisoformat(item.at("metadata", "creationTimestamp").replace("Z", "+00:00"))
        if now - made > timedelta(seconds=DEADLINE_SECONDS) and not item.at("metadata", "deletionTimestamp"):
            where = (f"--namespace={item.namespace}",) if item.namespace else ()
            tools.ask_kubectl("delete", item.kind.lower(), item.name, *where, "--ignore-not-found", "--wait=false")


class ProbeRun:
    """One run's pods, as a context manager: whatever happens, they are gone in the end."""

    def __init__(self, tools: Tools, stack: Stack, run: str, progress: Progress | None = None) -> None:
        self._tools = tools
        self._progress = progress or Silent()
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

    def ask(self, objects: Objects, purposes: Collection[Purpose] = EVERY_PURPOSE) -> tuple[Exchange, ...]:
        """Makes every call of these purposes, and again those that only a NetworkPolicy stopped. Raises ToolError."""
        gateways = {
            pod.name: pod.ip for pod in objects.pods_of(GATEWAY_KEY[0], GATEWAY_SELECTOR) if pod.running and pod.ip
        }
        proxies = {
            str(pod): pod.ip
            for member in self._stack.members
            for pod in objects.pods_of(member.namespace.name, {"app": member.name})
            if pod.running and pod.sidecar and pod.ip
        }
        control_planes = {
            pod.name: pod.ip for pod in objects.pods_of(ROOT, {"app": "istiod"}) if pod.running and pod.ip
        }
        planned = first_calls(self._stack, gateways, purposes, proxies=proxies, control_planes=control_planes)
        exchanges = self._make((*planned, *network_calls(self._stack, objects, purposes)))
        stopped = [
            exchange.call.callee
            for exchange in exchanges
            if exchange.call.purpose == "plaintext"
            and exchange.call.callee is not None
            and isinstance(exchange.answer, Answer)
            and exchange.answer.exit_code == _TIMED_OUT
        ]
        return (*exchanges, *self._make(past_network_policy(self._stack, stopped)))

    def _make(self, calls: Sequence[Call]) -> tuple[Exchange, ...]:
        """The calls with their answers."""
        by_client: dict[Client, list[Call]] = {}
        for call in calls:
            by_client.setdefault(call.client, []).append(call)
        clients = list(by_client)
        found: dict[str, Answer | Unavailable] = {}
        for start in range(0, len(clients), _BATCH):
            batch = {f"meshops-verify-{self._run}-{len(self._pods) + index}": client
                     for index, client in enumerate(clients[start : start + _BATCH])}  # fmt: skip
            self._create(batch, by_client)
            outcomes = self._await(batch, by_client)
            for name, client in batch.items():
                outcome = outcomes[name]
                printed = answers(outcome) if isinstance(outcome, str) else {}
                silent = outcome if isinstance(outcome, Unavailable) else _silent(name, outcome)
                found |= {call.id: printed.get(call.id, silent) for call in by_client[client]}
        return tuple(Exchange(call=call, answer=found[call.id]) for call in calls)

    def _create(self, batch: Mapping[str, Client], by_client: Mapping[Client, list[Call]]) -> None:
        documents: list[Document] = []
        if {OUTSIDE, CAGED} & set(batch.values()) and not {OUTSIDE, CAGED} & set(self._pods.values()):
            documents += [namespace_document(self._run), cage(self._run)]
        documents += [
            pod_document(name, client, by_client[client], run=self._run, images=self._stack.images)
            for name, client in batch.items()
        ]
        self._pods |= batch  # before they exist, so that an interruption finds them
        text = as_list(documents)
        self._tools.ask_kubectl("create", "--validate=false", "--filename=-", stdin=text, seconds=60)

    def _await(
        self, batch: Mapping[str, Client], by_client: Mapping[Client, list[Call]]
    ) -> dict[str, str | Unavailable]:
        """Pod name -> what it printed, or why it printed nothing. It need not have ended: it has no more to say."""
        wanted = {name: {call.id for call in by_client[client]} for name, client in batch.items()}
        deadline = time.monotonic() + _WAIT_SECONDS
        last = False
        while True:
            time.sleep(_POLL_SECONDS)
            printed = self._printed(batch)
            waiting = [name for name in batch if not wanted[name] <= answers(printed[name]).keys()]
            self._progress.update(f"probe pods: {len(batch) - len(waiting)} of {len(batch)} have answered")
            if last or not waiting:
                return dict(printed)
            states = self._states()
            if time.monotonic() > deadline:
                late = {name: _unfinished(name, printed[name], states.get(name)) for name in waiting}
                return {**printed, **late}
            # What has ended prints no more; what it printed last is read once again.
            last = all(pod_ended(states.get(name)) for name in waiting)

    def _states(self) -> dict[str, Mapping[str, Any]]:
        """Pod name -> the pod, as the API server has it."""
        text = self._tools.ask_kubectl(
            "get", "pods", "--all-namespaces", f"--selector={RUN_LABEL}={self._run}", "--output=json"
        )
        return {item["metadata"]["name"]: item for item in json.loads(text)["items"]}

    def _printed(self, batch: Mapping[str, Client]) -> dict[str, str]:
        """Pod name -> what its container has printed by now; empty while it has not begun."""
        printed: dict[str, str] = dict.fromkeys(batch, "")
        namespaces = sorted({client.namespace or run_namespace(self._run) for client in batch.values()})
        with ThreadPoolExecutor(max_workers=4) as pool:
            for text in pool.map(self._output_of, namespaces):
                for line in text.splitlines():
                    if (match := POD_PREFIX.match(line)) and match[1] in printed:
                        printed[match[1]] += f"{line[match.end() :]}\n"
        return printed

    def _output_of(self, namespace: str) -> str:
        try:
            return self._tools.ask_kubectl(
                "logs",
                f"--namespace={namespace}",
                f"--selector={RUN_LABEL}={self._run}",
                f"--container={CONTAINER}",
                "--tail=-1",
                "--max-log-requests=100",
                "--prefix",
                "--ignore-errors",
            )
        except ToolError:
            return ""  # none of them has begun; if that lasts, the pods themselves say why

    def with_lines(
        self, exchanges: tuple[Exchange, ...], edge: Edge | Unavailable
    ) -> tuple[Traffic, Edge | Unavailable]:
        """Adds what the proxies wrote about each call."""
        self._progress.update("reading the access logs of the proxies on the way")
        logs = ProxyLogs(tools=self._tools, stack=self._stack, run=self._run, since=self._since, pods=self._pods)
        return logs.with_lines(exchanges, edge)


def pod_ended(pod: Mapping[str, Any] | None) -> bool:
    status = (pod or {}).get("status") or {}
    states = {entry["name"]: entry.get("state") or {} for entry in status.get("containerStatuses") or ()}
    return "terminated" in states.get(CONTAINER, {})


def _unfinished(name: str, printed: str, pod: Mapping[str, Any] | None) -> str | Unavailable:
    """What it printed, if anything; otherwise why it is not done."""
    if answers(printed):
        return printed
    return Unavailable(reason=f"Probe pod {name} did not run in {_WAIT_SECONDS} s: {why_not(pod)}", remedy=_REMEDY)


def why_not(pod: Mapping[str, Any] | None) -> str:
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

"""The life of the probe pods: made, waited for, read, and removed whatever happens."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from meshops.checks.model import Unavailable
from meshops.tools import ToolError, Tools
from meshops.verify.calls import Call, Client
from meshops.verify.facts import Answer, Edge, Exchange, HttpAnswer
from meshops.verify.gather.objects import parse_objects
from meshops.verify.probes import runs
from meshops.verify.probes.logs import ProxyLogs
from meshops.verify.probes.runs import ProbeRun, clean_leftovers
from tests.unit.meshops.verify.world import MISSING, NOW, edge, objects, pem, stack


@dataclass(frozen=True, kw_only=True)
class Cluster(Tools):
    """A kubectl that keeps the pods it is given, and has each of them printed what its arguments promise."""

    pods: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    exit_codes: dict[str, int] = field(default_factory=dict)
    stuck: str = ""

    def ask_kubectl(
        self, *arguments: str, stdin: str | None = None, seconds: float = 0, accept: tuple[int, ...] = (0,)
    ) -> str:
        self.asked.append(arguments)
        match arguments[0]:
            case "create":
                for item in json.loads(stdin or "")["items"]:
                    self.pods[item["metadata"]["name"]] = item
                return ""
            case "get":
                items = [self._with_status(pod) for pod in self.pods.values() if pod["kind"] == "Pod"]
                return json.dumps({"items": items if arguments[1] == "pods" else []})
            case "logs":
                return self._printed(arguments)
            case "delete":
                return ""
        raise AssertionError(arguments)

    def _with_status(self, pod: dict[str, Any]) -> dict[str, Any]:
        if self.stuck:
            waiting = {"name": "probe", "state": {"waiting": {"reason": "ImagePullBackOff", "message": self.stuck}}}
            return {**pod, "status": {"phase": "Pending", "containerStatuses": [waiting]}}
        ended = {"name": "probe", "state": {"terminated": {"exitCode": 0}}}
        return {**pod, "status": {"phase": "Running", "containerStatuses": [ended]}}

    def _printed(self, arguments: tuple[str, ...]) -> str:
        if "--container=probe" not in arguments:
            return ""
        if self.stuck:
            raise ToolError("waiting to start")
        lines = []
        for name, pod in self.pods.items():
            if pod["kind"] != "Pod" or f"--namespace={pod['metadata'].get('namespace')}" not in arguments:
                continue
            for format, url in itertools.pairwise(pod["spec"]["containers"][0]["args"]):
                if "%{json}" in format:
                    code = self.exit_codes.get(url, 0)
                    fields = {"exitcode": code, "http_code": 0 if code else 200}
                    call_id = format.split()[0].rpartition("\\n")[2]
                    lines.append(f"[pod/{name}/probe] {call_id} {json.dumps(fields)}")
        return "\n".join(lines)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def _deletions(cluster: Cluster) -> list[tuple[str, ...]]:
    return [arguments for arguments in cluster.asked if arguments[0] == "delete"]


def test_every_call_gets_the_answer_of_its_own_pod() -> None:
    world, cluster = stack(), Cluster()
    with ProbeRun(cluster, world, "r1") as run:
        exchanges = run.ask(objects(world))
    assert exchanges
    assert all(isinstance(exchange.answer, Answer) and exchange.answer.http_code == 200 for exchange in exchanges)
    namespaces = {pod["metadata"].get("namespace") for pod in cluster.pods.values() if pod["kind"] == "Pod"}
    assert namespaces == {"meshops-verify-r1", "shop", "ledgers", "istio-ingress"}


def test_a_plaintext_call_that_times_out_is_made_again_from_where_it_is_admitted() -> None:
    world = stack()
    url = "http://billing.shop.svc.cluster.local:8080/"
    cluster = Cluster(exit_codes={url: 28})
    with ProbeRun(cluster, world, "r1") as run:
        exchanges = run.ask(objects(world))
    again = [exchange.call for exchange in exchanges if exchange.call.purpose == "plaintext-past-network-policy"]
    assert [(call.url, call.client.labels) for call in again] == [(url, (("app", "frontend"),))]


def test_a_pod_that_does_not_run_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_WAIT_SECONDS", 0.01)
    world, cluster = stack(), Cluster(stuck="no such image")
    with ProbeRun(cluster, world, "r1") as run:
        exchanges = run.ask(objects(world))
    reasons = {exchange.answer.reason for exchange in exchanges if isinstance(exchange.answer, Unavailable)}
    assert len(reasons) > 1
    assert all("probe: ImagePullBackOff no such image" in reason for reason in reasons)


@pytest.mark.parametrize("problem", [KeyboardInterrupt, ToolError, None])
def test_whatever_happens_the_pods_and_the_namespace_are_removed(problem: type[BaseException] | None) -> None:
    world, cluster = stack(), Cluster()

    def run() -> None:
        with ProbeRun(cluster, world, "r1") as probes:
            probes.ask(objects(world))
            if problem is not None:
                raise problem

    if problem is None:
        run()
    else:
        with pytest.raises(problem):
            run()
    pods, namespace = _deletions(cluster)
    assert pods[1:4] == ("pods", "--all-namespaces", "--selector=meshops.verify/run=r1")
    assert namespace[1:3] == ("namespace", "meshops-verify-r1")


def test_a_run_that_made_nothing_removes_nothing() -> None:
    cluster = Cluster()
    with ProbeRun(cluster, stack(), "r1"):
        pass
    assert cluster.asked == []


def test_only_what_an_old_run_left_is_cleaned() -> None:
    def pod(name: str, minutes: int) -> dict[str, Any]:
        made = (NOW - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
        labels = {"app.kubernetes.io/managed-by": "meshops-verify"}
        metadata = {"name": name, "namespace": "shop", "creationTimestamp": made, "labels": labels}
        return {"kind": "Pod", "metadata": metadata}

    cluster = Cluster()
    clean_leftovers(cluster, parse_objects({"items": [pod("old", 10), pod("new", 1)]}), NOW)
    assert [arguments[1:4] for arguments in _deletions(cluster)] == [("pod", "old", "--namespace=shop")]


def test_the_lines_of_every_proxy_on_the_way_are_found() -> None:
    world = stack()
    entry = {
        "response_flags": "-",
        "response_code": 200,
        "response_code_details": "via_upstream",
        "claimed_user_agent": "meshops-verify/r1/e1",
    }

    class Logging(Cluster):
        def _printed(self, arguments: tuple[str, ...]) -> str:
            selected = any(argument.startswith("--selector=app=frontend") for argument in arguments)
            return json.dumps(entry) if selected else super()._printed(arguments)

    seen = edge(world, pem())
    asked = replace(seen, answers=(HttpAnswer(host="app.test.example.com", agent="meshops-verify/r1/e1"),))
    with ProbeRun(Logging(), world, "r1") as run:
        _, found = run.with_lines((), asked)
    assert isinstance(found, Edge)
    assert [(line.namespace, line.application) for line in found.answers[0].lines] == [("shop", "frontend")]


def test_a_proxy_that_writes_late_is_asked_again() -> None:
    world = stack()
    client = Client(namespace="shop", service_account="billing-sa", labels=(("app", "billing"),), injected=True)
    call = Call(id="c1", purpose="declared-host", client=client, url="https://api.stripe.com/", host="api.stripe.com")
    entry = {"response_flags": "-", "requested_server_name": "api.stripe.com", "upstream_cluster": "outbound|443"}
    asked = []
    # Of a pod without a proxy kubectl would say that it has no such container, and give nobody's log.
    selector = "--selector=meshops.verify/run=r1,sidecar.istio.io/inject!=false"

    class Late(Cluster):
        def _printed(self, arguments: tuple[str, ...]) -> str:
            asked.append(arguments)
            late = sum(selector in earlier for earlier in asked) > 1
            # Two pods of one namespace: only the second one's line is this call's.
            lines = [f"[pod/{name}/istio-proxy] {json.dumps(entry)}" for name in ("another", "probe-1")]
            return "\n".join(lines) if late and selector in arguments else ""

    logs = ProxyLogs(tools=Late(), stack=world, run="r1", since="2026-11-21T12:00:00Z", pods={"probe-1": client})
    exchange = Exchange(call=call, answer=Answer(exit_code=0, http_code=200))
    traffic, _ = logs.with_lines((exchange,), MISSING)
    (found,) = traffic.exchanges
    assert [(line.application, line.upstream_cluster) for line in found.lines] == [("probe-1", "outbound|443")]

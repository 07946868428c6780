"""The same rules as the real engine calls them: over gRPC, in the SDK's own messages and by its own server."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi_policy import EnforcementLevel
from pulumi_policy.policy import _PolicyAnalyzerServicer

from offline.made_up import MadeUpOutputs
from offline.registration import Registration
from offline.run import run_program
from offline.stack_files import read_stack
from policy.companion import Companion
from policy.crossguard import NAME, Session, policies
from policy.judge import judge
from policy.registry import RULES
from tests import ROOT
from tests.contract.stack_plans import STACKS, plan_of
from tests.unit.policy.bad_cases import BAD_CASES, BadCase, suppression
from tests.unit.policy.engine import MESSAGE_SIZE, ask, mandatory, only
from tests.unit.policy.spoilt import TODAY, Spoilt


class Asked:
    """A pack that is asked about one plan; its own plan beside the engine is that same one."""

    def __init__(self) -> None:
        self.plan: Spoilt | None = None

    def servicer(self) -> Any:
        assert self.plan is not None
        session = Session(self._beside, today=TODAY, previous=self.plan.previous)
        return _PolicyAnalyzerServicer(NAME, "1.0.0", policies(session), EnforcementLevel.MANDATORY)

    def _beside(self, stack: str) -> Companion:
        assert self.plan is not None
        assert stack == self.plan.name
        registrations = {one.urn: one for one in self.plan.registrations}
        return Companion(settings=self.plan.settings, registrations=registrations)


@pytest.fixture
def served() -> Iterator[Any]:
    """Plan -> a stub that talks over gRPC to the SDK's server with this pack."""
    servers: list[grpc.Server] = []

    def serve(plan: Spoilt) -> Any:
        asked = Asked()
        asked.plan = plan
        server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=MESSAGE_SIZE)
        analyzer_pb2_grpc.add_AnalyzerServicer_to_server(asked.servicer(), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        return analyzer_pb2_grpc.AnalyzerStub(grpc.insecure_channel(f"127.0.0.1:{port}", options=MESSAGE_SIZE))

    yield serve
    for server in servers:
        server.stop(0)


@pytest.mark.parametrize("bad", BAD_CASES, ids=lambda bad: bad.id)
def test_each_bad_case_is_found_as_crossguard_calls_it(bad: BadCase, served: Any) -> None:
    plan = Spoilt(bad.stack)
    bad.spoil(plan)
    stub = served(plan)
    only(stub, bad.rule)
    rule = next(rule for rule in RULES if rule.id == bad.rule)
    asked = ask(stub, plan.registrations, about=plan.changed, whole=not rule.alone)
    found = [one for one in asked if bad.subject in one.message]
    assert found
    for one in found:
        assert one.policyName == bad.rule
        assert one.enforcementLevel == (analyzer_pb2.MANDATORY if rule.stops else analyzer_pb2.ADVISORY)
        assert rule.remedy in one.message
    if rule.alone:
        assert {one.urn for one in found} <= plan.changed


@pytest.mark.parametrize("stack", STACKS)
def test_the_stacks_as_they_are_pass_with_every_policy_on(stack: str, served: Any) -> None:
    plan = Spoilt(stack)
    found = ask(served(plan), plan.registrations)
    assert [one.message for one in mandatory(found)] == []
    # Advisory: the weakenings, as offline.
    offline = [one for one in judge(plan.stack()).findings if not one.rule.stops]
    assert len(found) == len(offline)
    assert {one.policyName for one in found} == {"MR201"}


def test_a_suppressed_finding_stops_nothing_and_is_still_said(served: Any) -> None:
    plan = Spoilt("prod")
    plan.drop("PodDisruptionBudget", "payments/ledger")
    plan.suppress(suppression())
    found = ask(served(plan), plan.registrations)
    assert [one.message for one in mandatory(found)] == []
    said = [one.message for one in found if "MR605 Deployment payments/ledger" in one.message]
    assert len(said) == 1
    assert "It runs once until the old queue is empty." in said[0]


@functools.cache
def first_preview() -> tuple[Registration, ...]:
    """Of a stack of which nothing stands yet: no id, ARN or address is known."""
    config = read_stack(ROOT, "prod").config
    run = run_program(ROOT, stack="prod", config=config, engine=Nothing("eu-west-1"), preview=True)
    assert run.error is None, run.error
    return run.registrations


class Nothing(MadeUpOutputs):
    """No provider answers more than it was asked for."""

    def create(self, registration: Registration) -> tuple[str, dict[str, Any]]:
        id_, outputs = super().create(registration)
        return ("", {}) if registration.type.startswith("aws:") else (id_, outputs)


def test_what_a_first_preview_does_not_know_is_said_and_neither_passed_nor_refused(served: Any) -> None:
    plan = Spoilt("prod", first_preview())
    found = ask(served(plan), plan.registrations)
    assert [one.message for one in mandatory(found)] == []
    unknown = {one.policyName for one in found if "can't be known during preview" in one.message}
    assert unknown == {one.rule.id for one in judge(plan.stack()).not_judged}
    assert unknown == {"MR706"}, "policies that name an account or an ARN"


def test_a_bad_value_beside_an_unknown_one_is_found_all_the_same(served: Any) -> None:
    plan = Spoilt("prod", first_preview())
    plan.put("Ingress", "istio-ingress/istio-ingressgateway", "metadata", "annotations",
             "alb.ingress.kubernetes.io/ssl-policy", "ELBSecurityPolicy-2016-08")  # fmt: skip
    stub = served(plan)
    only(stub, "MR305")
    assert [one.policyName for one in mandatory(ask(stub, plan.registrations, about=plan.changed))] == ["MR305"]


def test_what_nobody_told_is_said() -> None:
    """A resource that the offline plan does not have: whether it is `deletedWith` something cannot be known."""
    plan = Spoilt("prod")
    session = Session(lambda stack: Companion(settings=plan.settings), today=TODAY, previous=None)
    servicer = _PolicyAnalyzerServicer(NAME, "1.0.0", policies(session), EnforcementLevel.MANDATORY)
    found = ask(Direct(servicer), plan.registrations, about=set())
    unknown = [one for one in found if one.policyName == "MR803"]
    assert len(unknown) == 1
    assert "option deletedWith" in unknown[0].message
    assert unknown[0].enforcementLevel == analyzer_pb2.ADVISORY


class Direct:
    """A servicer called as a stub is."""

    def __init__(self, servicer: Any) -> None:
        self._servicer = servicer

    def Analyze(self, request: Any) -> Any:  # noqa: N802 - the names are gRPC's
        return self._servicer.Analyze(request, None)

    def AnalyzeStack(self, request: Any) -> Any:  # noqa: N802
        return self._servicer.AnalyzeStack(request, None)

    def Configure(self, request: Any) -> Any:  # noqa: N802
        return self._servicer.Configure(request, None)

    def GetAnalyzerInfo(self, request: Any) -> Any:  # noqa: N802
        return self._servicer.GetAnalyzerInfo(request, None)


def test_no_secret_gets_into_a_message(served: Any) -> None:
    plan = Spoilt("prod")
    plan.add(("ConfigMap", "observability/otel-collector"), "observability/hush",
             ("kind", "Secret"), ("data", {"collector.json": '{"exporters": {"a": {"endpoint": "http:hush-hush"}}}'}),
             ("stringData", {"password": "hush-hush"}))  # fmt: skip
    found = ask(served(plan), plan.registrations, about=plan.changed)
    assert "hush-hush" not in "".join(one.message for one in found)


@pytest.fixture(scope="module")
def process() -> Iterator[Any]:
    """The pack started as Pulumi's language host starts it, asked by a client of the SDK's own protobufs."""
    # sdk/python/cmd/pulumi-language-python/main.go, RunPlugin: this command, this directory, these variables.
    pack = ROOT / "policy"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "PYTHONPATH"))},
        "PULUMI_PROJECT": "zero-trust-mesh",
        "PULUMI_STACK": "prod",
        "PULUMI_DRY_RUN": "true",
    }
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(pack)]
    running = subprocess.Popen(command, cwd=pack, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdout is not None
    try:
        port = running.stdout.readline().decode().strip()
        assert port.isdigit(), running.communicate(timeout=10)
        channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=MESSAGE_SIZE)
        yield analyzer_pb2_grpc.AnalyzerStub(channel)
    finally:
        running.kill()
        running.communicate()


def test_the_pack_starts_as_the_language_host_starts_it_and_tells_its_rules(process: Any) -> None:
    info = process.GetAnalyzerInfo(empty_pb2.Empty())
    assert info.name == NAME
    assert [one.name for one in info.policies] == [rule.id for rule in RULES]
    severities = {one.name: one.severity for one in info.policies}
    assert severities["MR301"] == analyzer_pb2.POLICY_SEVERITY_CRITICAL
    assert severities["MR201"] == analyzer_pb2.POLICY_SEVERITY_LOW


def test_the_packs_own_process_passes_prod_and_stops_what_is_spoilt(process: Any) -> None:
    assert [one.message for one in mandatory(ask(process, plan_of("prod").run.registrations))] == []
    plan = Spoilt("prod")
    plan.put("PeerAuthentication", None, "spec", "mtls", "mode", "PERMISSIVE")
    plan.drop("AuthorizationPolicy", "payments/deny-all")
    found = list(mandatory(ask(process, plan.registrations, about=plan.changed)))
    assert {one.policyName for one in found} == {"MR301", "MR401"}
    assert all(one.policyPackName == NAME for one in found)

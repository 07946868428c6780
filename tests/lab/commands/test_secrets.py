"""A secret of the settings reaches its application and nothing else; the pods roll when it changes."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import pytest

from configuration.settings import PROJECT, Settings
from lab.aws import moto
from lab.commands.verification import prove
from lab.engine import program
from lab.paths import STACK
from lab.progress import Silent
from meshops.plan import plan as planning
from offline.stack_files import read_stack
from offline.values import Secret
from tests import ROOT
from tests.whole_lab import WholeLab

pytestmark = pytest.mark.timeout(600)

NAMESPACE, NAME, VARIABLE = "secrets-kept", "keeper", "API_KEY"
FIRST, SECOND = "canary-one-5d41402abc4b2a76", "canary-two-7d793037a0760186"
ENTRY = {
    "name": NAMESPACE,
    "phase": "strict",
    "applications": [
        {
            "name": NAME,
            "image": "ghcr.io/example/frontend-ui:v2.0.1",
            "port": 8080,
            "replicas": 1,
            "readinessPath": "/healthz",
            "environment": {VARIABLE: {"secret": "api"}, "LEVEL": "debug"},
        }
    ],
}


def applied(lab: WholeLab, value: str | None) -> Settings:
    """The lab's stack with the application and its secret, or (None) as its file has it."""
    config: dict[str, Any] = dict(read_stack(ROOT, STACK).config)
    if value is not None:
        names = f"{PROJECT}:namespaces"
        config[names] = json.dumps([*json.loads(str(config[names])), ENTRY])
        config[f"{PROJECT}:secrets"] = Secret(json.dumps({"key": "k" * 40, "values": {"api": value}}))
    plan = planning.make(STACK, directory=ROOT, config=config)
    assert plan.settings is not None
    account = program.account_of(lab.plane, moto.start(lab.plane), plan.settings)
    planned = plan.run.registrations
    program.apply(ROOT, lab.plane, account, planned, plan.settings, Silent(), config=config)
    waited = lab.tool(
        "kubectl", "rollout", "status", f"deployment/{NAME}", f"--namespace={NAMESPACE}", "--timeout=100s"
    )
    assert value is None or waited.returncode == 0, waited.stderr
    return plan.settings


@pytest.fixture
def without_it_afterwards(whole_lab: WholeLab) -> Generator[None]:
    yield
    applied(whole_lab, None)


def inside(lab: WholeLab) -> str:
    where = (f"deployment/{NAME}", f"--namespace={NAMESPACE}", f"--container={NAME}")
    return lab.tool("kubectl", "exec", *where, "--", "sh", "-c", f"echo ${VARIABLE}").stdout.strip()


def verdict(lab: WholeLab, settings: Settings) -> str:
    found = prove(lab.plane, settings, STACK, only=("MV631",)).result("MV631").verdict
    return f"{found.status}: {found.finding}"


@pytest.mark.usefixtures("without_it_afterwards")
def test_a_secret_reaches_its_application_and_nothing_else_and_pods_roll_when_it_changes(whole_lab: WholeLab) -> None:
    settings = applied(whole_lab, FIRST)
    assert inside(whole_lab) == FIRST
    assert verdict(whole_lab, settings).startswith("pass: 1 of 1")
    kinds = "deployments,replicasets,pods,configmaps,events,serviceaccounts,namespaces"
    everything = json.dumps(whole_lab.get(kinds, "--all-namespaces"))
    assert NAME in everything
    assert FIRST not in everything

    settings = applied(whole_lab, SECOND)
    assert inside(whole_lab) == SECOND, "the pods rolled"
    assert verdict(whole_lab, settings).startswith("pass")

    clear = [
        {"op": "replace", "path": "/spec/template/spec/containers/0/env", "value": [{"name": VARIABLE, "value": "x"}]}
    ]
    patched = whole_lab.tool(
        "kubectl",
        "patch",
        "deployment",
        NAME,
        f"--namespace={NAMESPACE}",
        "--type=json",
        f"--patch={json.dumps(clear)}",
    )
    assert patched.returncode == 0, patched.stderr
    said = verdict(whole_lab, settings)
    assert said == f"fail: {NAMESPACE}/{NAME}: {VARIABLE} stands in the Deployment in the clear"

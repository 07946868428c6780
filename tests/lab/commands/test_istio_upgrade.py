"""An Istio upgrade on the running lab, step by step and under load, as docs/runbooks/istio-upgrade.md has it.

One build of Istio plays both versions: what is shown is the order, the labels, the webhooks and the rolling.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import threading
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from configuration.mesh import revision_of
from configuration.parsing import parse
from configuration.settings import PROJECT, Settings
from lab import paths
from lab.commands import onboarding
from lab.commands.up import addresses
from lab.commands.verification import prove
from lab.paths import STACK
from lab.progress import TerminalProgress
from meshops.checks.model import Report
from meshops.stack_settings import stack_settings
from offline.stack_files import read_stack
from tests.lab.conftest import REVISION
from tests.whole_lab import ROOT, WholeLab

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

OLD, NEW = "1.31.1", "1.31.2"
NEW_REVISION = revision_of(NEW)
MOVED = "secure-apps"
_CHECKS = ("MV601", "MV602", "MV603", "MV604", "MV607", "MV614", "MV628")


@dataclass
class Load:
    """The answers of a public host, asked without a pause through all three layers. code -> how often."""

    command: str
    codes: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def running(self) -> Generator[None]:
        over = threading.Event()
        thread = threading.Thread(target=self._ask, args=(over,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _ask(self, over: threading.Event) -> None:
        ask = [
            *shlex.split(self.command),
            "--silent",
            *("--max-time", "10", "--output", "/dev/null"),
            *("--write-out", "%{http_code}"),
        ]
        while not over.is_set():
            answer = subprocess.run(ask, capture_output=True, text=True, check=False)
            self.codes[answer.stdout or f"curl exit {answer.returncode}"] += 1


@dataclass(frozen=True)
class Step:
    """What was there when a step was done."""

    changed: tuple[str, ...]
    """URNs of what the program changed."""
    codes: Mapping[str, int]
    report: Report
    pods: Mapping[str, frozenset[str]]
    """Namespace -> the uids of its pods."""
    revisions: Mapping[str, frozenset[str]]
    """Namespace -> the control planes that injected its pods."""
    control_planes: frozenset[str]


def _configured(**changes: Any) -> Mapping[str, Any]:
    """The lab's configuration with other versions. first, second: of the mesh; gateway, moved: their own."""
    config = dict(read_stack(ROOT, STACK).config)
    tree = {name: json.loads(str(config.get(f"{PROJECT}:{name}", "{}"))) for name in ("mesh", "gateway", "namespaces")}
    tree["mesh"] |= {
        key: changes[name]
        for name, key in (("first", "istioVersion"), ("second", "secondIstioVersion"))
        if name in changes
    }
    if "gateway" in changes:
        tree["gateway"]["istioVersion"] = changes["gateway"]
    if "moved" in changes:
        (namespace,) = (item for item in tree["namespaces"] if item["name"] == MOVED)
        namespace["istioVersion"] = changes["moved"]
    return {**config, **{f"{PROJECT}:{name}": json.dumps(value) for name, value in tree.items()}}


STEPS: Mapping[str, Mapping[str, Any]] = {
    "a second one beside it": {"second": NEW},
    "one namespace": {"second": NEW, "moved": NEW},
    "the gateway": {"second": NEW, "moved": NEW, "gateway": NEW},
    "everything": {"first": NEW, "second": OLD},
    "the old one gone": {"first": NEW},
}


@pytest.fixture(scope="module")
def upgrade(whole_lab: WholeLab) -> Iterator[dict[str, Step]]:
    """Every step of the upgrade, each under load; afterwards the lab is at its own version again."""
    before = os.environ.get(paths.STATE_VARIABLE)
    os.environ[paths.STATE_VARIABLE] = str(whole_lab.state)
    try:
        # What other tests left is put right first, so that each step's changes are its own.
        onboarding.bring_to(ROOT, _configured(), TerminalProgress())
        yield {name: _step(whole_lab, _configured(**changes)) for name, changes in STEPS.items()}
    finally:
        onboarding.bring_to(ROOT, _configured(), TerminalProgress())
        if before is None:
            del os.environ[paths.STATE_VARIABLE]
        else:
            os.environ[paths.STATE_VARIABLE] = before


def _step(lab: WholeLab, config: Mapping[str, Any]) -> Step:
    load = Load(command=addresses(lab.plane.state, stack_settings(ROOT, STACK))[0])
    with load.running():
        changes = onboarding.bring_to(ROOT, config, TerminalProgress())
        _rolled_out(lab)
        report = prove(lab.plane, _settings(config), STACK, only=_CHECKS)
    pods = [item for item in lab.get("pods", "-A")["items"] if "deletionTimestamp" not in item["metadata"]]
    namespaces = {item["metadata"]["namespace"] for item in pods}
    return Step(
        changed=tuple(change.urn for change in changes if change.what in ("created", "updated")),
        codes=dict(load.codes),
        report=report,
        pods={
            name: frozenset(item["metadata"]["uid"] for item in pods if item["metadata"]["namespace"] == name)
            for name in namespaces
        },
        revisions={
            name: frozenset(
                item["metadata"]["annotations"]["istio.io/rev"]
                for item in pods
                if item["metadata"]["namespace"] == name and "istio.io/rev" in item["metadata"].get("annotations", {})
            )
            for name in namespaces
        },
        control_planes=frozenset(
            item["metadata"]["name"]
            for item in lab.get("deployments", "--namespace=istio-system")["items"]
            if item["metadata"]["name"].startswith("istiod")
        ),
    )


def _rolled_out(lab: WholeLab) -> None:
    """Who leaves does so a while after the program is done with him."""
    for item in lab.get("deployments", "--all-namespaces")["items"]:
        where = (f"deployment/{item['metadata']['name']}", f"--namespace={item['metadata']['namespace']}")
        done = lab.tool("kubectl", "rollout", "status", *where, "--timeout=110s")
        assert done.returncode == 0, done.stderr


def _settings(config: Mapping[str, Any]) -> Settings:
    return parse(STACK, dict(config))


@pytest.mark.parametrize("name", STEPS)
def test_no_request_is_lost_in_any_step(upgrade: dict[str, Step], name: str) -> None:
    codes = upgrade[name].codes
    assert set(codes) == {"200"}, codes
    assert codes["200"] > 20, "a load that asked hardly ever would have lost nothing either"


@pytest.mark.parametrize("name", STEPS)
def test_after_each_step_everybody_has_the_sidecar_that_was_asked_for(upgrade: dict[str, Step], name: str) -> None:
    wrong = [f"{r.check.id}: {r.verdict.finding}" for r in upgrade[name].report.results if r.status != "pass"]
    assert wrong == []


def test_a_second_control_plane_restarts_nobody(upgrade: dict[str, Step]) -> None:
    first = upgrade["a second one beside it"]
    assert first.control_planes == {f"istiod-{REVISION}", f"istiod-{NEW_REVISION}"}
    assert first.revisions[MOVED] == first.revisions["istio-ingress"] == {REVISION}
    assert {urn.rpartition("::")[2] for urn in first.changed} == {f"istiod-{NEW_REVISION}", "istio-cni"}


def test_one_namespace_moves_and_no_other_pod_is_restarted(upgrade: dict[str, Step]) -> None:
    before, after = upgrade["a second one beside it"], upgrade["one namespace"]
    assert after.revisions[MOVED] == {NEW_REVISION}
    assert not before.pods[MOVED] & after.pods[MOVED]
    for name in ("payments", "istio-ingress", "istio-system"):
        assert before.pods[name] == after.pods[name]


def test_the_gateway_moves_by_itself(upgrade: dict[str, Step]) -> None:
    before, after = upgrade["one namespace"], upgrade["the gateway"]
    assert after.revisions["istio-ingress"] == {NEW_REVISION}
    assert before.pods[MOVED] == after.pods[MOVED]


def test_the_old_one_goes_alone(upgrade: dict[str, Step]) -> None:
    before, after = upgrade["everything"], upgrade["the old one gone"]
    assert before.control_planes == {f"istiod-{REVISION}", f"istiod-{NEW_REVISION}"}
    assert after.control_planes == {f"istiod-{NEW_REVISION}"}
    for name in ("secure-apps", "payments", "istio-ingress"):
        assert before.pods[name] == after.pods[name]
        assert after.revisions[name] == {NEW_REVISION}

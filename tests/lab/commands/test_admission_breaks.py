"""Each admission policy taken out: what it refused is admitted, and verify says so; back again, it is refused."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager

import pytest

from lab.commands.bringing_up import STACK
from lab.commands.verification import prove
from manifests.images import Images
from manifests.mesh_graph import Member
from meshops.stack_settings import stack_settings
from meshops.verify.attempt import Answer
from meshops.verify.attempts.asking import Asking
from meshops.verify.attempts.catalogue import Catalogue
from tests.whole_lab import ROOT, WholeLab

pytestmark = pytest.mark.timeout(900)

_BINDING = "validatingadmissionpolicybinding"
# Policy -> the check that must fail without it.
CHECKS = {
    "mesh-pods": "MV621",
    "mesh-workloads": "MV621",
    "mesh-cron-jobs": "MV621",
    "mesh-namespaces": "MV621",
    "mesh-services": "MV622",
    "mesh-credentials": "MV622",
    "mesh-network-policies": "MV623",
    "mesh-ways-in": "MV623",
    "mesh-istio": "MV623",
    "mesh-interactive": "MV624",
}
# One of each kind, in a minute; make test-long does the rest.
_SHORT = {"mesh-pods", "mesh-services", "mesh-istio"}
# What another wall refuses as well: pods with the sidecar's volumes or a forged container by their shape.
_SECOND_WALL = {"PodSecurity", "RBAC", "istiod"}


def _attempts(lab: WholeLab) -> Mapping[str, Answer]:
    settings = stack_settings(ROOT, STACK)
    namespace = settings.namespaces[0]
    application = namespace.applications[0]
    pods = lab.get("pods", f"--namespace={namespace.name}", f"--selector=app={application.name}")["items"]
    catalogue = Catalogue(
        member=Member(namespace=namespace, application=application),
        images=Images(settings.image_registry),
        pod=pods[0]["metadata"]["name"],
    )
    asking = Asking(tools=lab.plane.tools, namespace=namespace.name, run=secrets.token_hex(4))
    return {answer.attempt.id: answer for answer in asking.ask(catalogue.attempts())}


@contextmanager
def _unbound(lab: WholeLab, policy: str) -> Generator[None]:
    """Without the binding of a policy; the API server takes a moment to know."""
    before = lab.get(_BINDING, policy)
    before["metadata"] = {"name": policy, "labels": before["metadata"]["labels"]}
    assert lab.tool("kubectl", "delete", _BINDING, policy).returncode == 0
    try:
        time.sleep(3)
        yield
    finally:
        restored = lab.tool("kubectl", "create", "--filename=-", stdin=json.dumps(before))
        assert restored.returncode == 0, restored.stderr
        time.sleep(3)


@pytest.fixture(scope="module")
def healthy(whole_lab: WholeLab) -> Mapping[str, Answer]:
    return _attempts(whole_lab)


def test_every_attempt_ends_as_it_must(healthy: Mapping[str, Answer]) -> None:
    assert [str(answer) for answer in healthy.values() if not answer.as_it_must] == []


def test_every_policy_refuses_something(healthy: Mapping[str, Answer]) -> None:
    assert {answer.wall for answer in healthy.values() if answer.wall.startswith("mesh-")} == set(CHECKS)


@pytest.mark.parametrize(
    "policy", [policy if policy in _SHORT else pytest.param(policy, marks=pytest.mark.long) for policy in CHECKS]
)
def test_without_a_policy_what_it_refused_is_admitted(
    policy: str, whole_lab: WholeLab, healthy: Mapping[str, Answer]
) -> None:
    refused = [id for id, answer in healthy.items() if answer.wall == policy]
    with _unbound(whole_lab, policy):
        found = _attempts(whole_lab)
        report = prove(whole_lab.plane, stack_settings(ROOT, STACK), STACK, only=("MV620", CHECKS[policy]))
    still = [str(found[id]) for id in refused if found[id].outcome != "admitted"]
    assert [line for line in still if not any(line.endswith(f"by {wall}") for wall in _SECOND_WALL)] == []
    assert len(still) < len(refused)
    assert {item.check.id for item in report.results if item.status == "fail"} == {"MV620", CHECKS[policy]}
    after = _attempts(whole_lab)
    assert [str(after[id]) for id in refused if after[id].outcome != "refused"] == []

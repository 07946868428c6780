"""The attempts of a tenant: each once, none that changes anything, and what the API server's words mean."""

from __future__ import annotations

import pytest

from meshops.verify.attempt import Attempt
from meshops.verify.attempts.asking import judged
from meshops.verify.attempts.catalogue import Catalogue
from tests.unit.meshops.verify.world import stack

ATTEMPT = Attempt(id="x", title="y", method="POST", path="/z")


def attempts() -> tuple[Attempt, ...]:
    world = stack()
    member = next(item for item in world.members if item.application.workload == "managed" and item.application.port)
    return Catalogue(member=member, images=world.images, pod="billing-1").attempts()


def test_each_has_an_id_of_its_own() -> None:
    ids = [attempt.id for attempt in attempts()]
    assert len(ids) == len(set(ids)) > 100


def test_none_changes_anything() -> None:
    """A dry run, or a stream that is asked for without the upgrade that opens it."""
    for attempt in attempts():
        if attempt.method == "GET":
            assert attempt.family == "into pods"
        else:
            assert attempt.path.endswith("?dryRun=All"), attempt.id


def test_each_stays_in_its_namespace() -> None:
    assert all("/namespaces/shop" in attempt.path for attempt in attempts())


def test_what_is_legitimate_stands_beside_what_is_not() -> None:
    families = {attempt.family for attempt in attempts()}
    assert families == {"legitimate", "in the mesh", "identity", "walls", "into pods"}
    assert all(attempt.legitimate == (attempt.family == "legitimate") for attempt in attempts())


@pytest.mark.parametrize(
    ("status", "said", "outcome", "wall"),
    [
        (201, "", "admitted", ""),
        (
            403,
            "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'mesh-pods' with binding 'mesh-pods' denied: no",
            "refused",
            "mesh-pods",
        ),
        (403, 'networkpolicies is forbidden: User "t" cannot create resource "networkpolicies"', "refused", "RBAC"),
        (403, 'pods "x" is forbidden: violates PodSecurity "restricted:latest"', "refused", "PodSecurity"),
        (400, "Upgrade request required", "admitted", ""),
        (500, "etcdserver: request timed out", "unclear", ""),
        (404, 'deployments.apps "billing" not found', "unclear", ""),
    ],
)
def test_the_api_servers_words(status: int, said: str, outcome: str, wall: str) -> None:
    answer = judged(ATTEMPT, status, said)
    assert (answer.outcome, answer.wall) == (outcome, wall)

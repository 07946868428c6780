"""When the lab takes a release's workloads for available."""

from __future__ import annotations

from typing import Any

import pytest

from lab.cluster.helm import daemon_set_available, deployment_available


def _daemon_set(**status: int) -> dict[str, Any]:
    return {"metadata": {"generation": 2}, "status": {"observedGeneration": 2, **status}}


def test_a_daemon_set_is_available_when_every_node_has_its_newest_pod() -> None:
    found = _daemon_set(desiredNumberScheduled=1, numberAvailable=1, updatedNumberScheduled=1)

    assert daemon_set_available(found)


@pytest.mark.parametrize(
    "status",
    [
        {"desiredNumberScheduled": 0, "numberAvailable": 0, "updatedNumberScheduled": 0},
        {"desiredNumberScheduled": 1, "updatedNumberScheduled": 1},
        {"desiredNumberScheduled": 1, "numberAvailable": 1, "updatedNumberScheduled": 0},
        {"desiredNumberScheduled": 1, "numberAvailable": 1, "updatedNumberScheduled": 1, "observedGeneration": 1},
    ],
    ids=["nobody has counted the nodes", "its pod is not ready", "its pod is of before", "its change is not seen"],
)
def test_a_daemon_set_is_not_available(status: dict[str, int]) -> None:
    assert not daemon_set_available(_daemon_set(**status))


def test_a_deployment_of_one_that_is_not_ready_is_not_available() -> None:
    status = {"observedGeneration": 1, "updatedReplicas": 1}
    found: dict[str, Any] = {"metadata": {"generation": 1}, "spec": {"replicas": 1}, "status": status}

    assert not deployment_available(found)
    assert deployment_available({**found, "status": {**status, "availableReplicas": 1}})
    # While it rolls: the new pod is there and not available, the old one is available.
    rolling = {**status, "replicas": 2, "updatedReplicas": 1, "availableReplicas": 1}
    assert not deployment_available({**found, "status": rolling})

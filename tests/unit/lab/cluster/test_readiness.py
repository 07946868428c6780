"""What `make lab` says of pods that do not run."""

from __future__ import annotations

from typing import Any

import pytest

from lab.cluster.readiness import await_ready, certificate_ready, not_ready
from lab.errors import LabError


def pod(phase: str = "Running", ready: str = "False", **status: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": ready}, *status.pop("conditions", [])]
    return {
        "metadata": {"namespace": "shop", "name": "cart-1"},
        "status": {"phase": phase, "conditions": conditions, **status},
    }


@pytest.mark.parametrize("one", [pod(ready="True"), pod(phase="Succeeded"), pod(phase="Failed")])
def test_of_a_pod_that_is_ready_or_has_ended_nothing_is_said(one: dict[str, Any]) -> None:
    assert not_ready(one) == ""


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (
            pod(
                phase="Pending",
                conditions=[{"type": "PodScheduled", "status": "False", "message": "image a:1 is not in the table"}],
            ),
            "shop/cart-1 is not scheduled: image a:1 is not in the table",
        ),
        (
            pod(
                containerStatuses=[
                    {"name": "app", "ready": True, "state": {"running": {}}},
                    {"name": "proxy", "ready": False, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
                ]
            ),
            "shop/cart-1: container proxy waits: CrashLoopBackOff",
        ),
        (
            pod(initContainerStatuses=[{"name": "proxy", "ready": False, "state": {"running": {}}}]),
            "shop/cart-1: container proxy runs and is not ready",
        ),
        (pod(phase="Pending"), "shop/cart-1 is Pending"),
    ],
)
def test_the_first_thing_that_keeps_a_pod_from_being_ready_is_named(one: dict[str, Any], said: str) -> None:
    assert not_ready(one) == said


def certificate(ready: str) -> dict[str, Any]:
    metadata = {"namespace": "shop", "name": "tls"}
    return {"metadata": metadata, "status": {"conditions": [{"type": "Ready", "status": ready}]}}


class Cluster:
    """Its one Deployment becomes available when it has been asked for `after` times."""

    def __init__(self, after: int) -> None:
        self.asked, self.after = 0, after

    def listed(self, api_version: str, kind: str) -> list[dict[str, Any]]:
        if kind == "Pod":
            return [pod(phase="Pending")]
        if kind == "DaemonSet":
            return []
        if kind == "Certificate":
            return [certificate("True")]
        self.asked += 1
        there = 2 if self.asked > self.after else 1
        return [
            {
                "metadata": {"namespace": "shop", "name": "cart", "generation": 1},
                "spec": {"replicas": 2},
                "status": {"observedGeneration": 1, "availableReplicas": there, "updatedReplicas": there},
            }
        ]


def test_it_shows_what_it_waits_for_and_goes_on_once_that_is_there() -> None:
    shown: list[str] = []

    await_ready(Cluster(after=2), shown.append)  # ty: ignore[invalid-argument-type]

    assert shown == ["waiting for shop/cart"] * 2


def test_what_does_not_come_is_named_with_the_pods_reason() -> None:
    with pytest.raises(LabError) as refused:
        await_ready(Cluster(after=9), lambda text: None, seconds=0)  # ty: ignore[invalid-argument-type]

    assert str(refused.value) == (
        "waited 0 s in vain for all workloads and certificates to be ready: shop/cart: shop/cart-1 is Pending"
    )


def test_a_certificate_is_ready_once_it_is_issued() -> None:
    assert certificate_ready(certificate("True"))
    assert not certificate_ready(certificate("False"))
    assert not certificate_ready({"metadata": {}})

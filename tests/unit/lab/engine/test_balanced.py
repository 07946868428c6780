"""Waiting for a load balancer: what the engine gives out of it, and what a controller's refusal becomes."""

from __future__ import annotations

from typing import Any, cast

import pytest

from lab.cluster.objects import Key, UnknownKind
from lab.engine import balanced
from lab.engine.balanced import Awaited, is_balanced
from lab.errors import LabError

KEY = Key(api_version="networking.k8s.io/v1", kind="Ingress", namespace="in", name="gw")
HOST = "k8s-in-gw-1.eu-west-1.elb.amazonaws.com"


class Cluster:
    """One Ingress and its Events; looks: what happens at the n-th look at it."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.status: dict[str, Any] = {}
        self.scheme = "internal"
        self.looks: list[Any] = []

    def get(self, key: Key) -> dict[str, Any]:
        if self.looks:
            self.looks.pop(0)()
        metadata = {"namespace": "in", "name": "gw", "annotations": {"scheme": self.scheme}}
        return {"kind": key.kind, "metadata": metadata, "spec": {}, "status": self.status}

    def change(self) -> None:
        self.scheme += "!"

    def listed(self, api_version: str, kind: str, *, namespace: str) -> list[dict[str, Any]]:
        return self.events

    def say(self, reason: str, message: str, *, warning: bool, name: str = "gw") -> None:
        self.events.append(
            {
                "metadata": {"resourceVersion": str(100 + len(self.events))},
                "involvedObject": {"kind": "Ingress", "name": name},
                "type": "Warning" if warning else "Normal",
                "reason": reason,
                "message": message,
            }
        )

    def serve(self) -> None:
        self.status = {"loadBalancer": {"ingress": [{"hostname": HOST}]}}
        self.say("SuccessfullyReconciled", "Successfully reconciled", warning=False)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setattr(balanced, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(balanced, "_PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(balanced, "_SECONDS", 0.5)
    return Cluster()


def awaited(cluster: Cluster) -> Awaited:
    return Awaited.of(cast(Any, cluster), KEY)


def test_an_object_is_given_out_once_its_controller_has_served_it(cluster: Cluster) -> None:
    before = awaited(cluster)
    cluster.change()
    cluster.looks = [lambda: None, cluster.serve]
    assert before.made()["status"]["loadBalancer"]["ingress"] == [{"hostname": HOST}]


def test_the_host_name_of_before_does_not_count_for_a_change(cluster: Cluster) -> None:
    cluster.serve()
    before = awaited(cluster)
    cluster.change()
    with pytest.raises(LabError, match="in vain for the load balancer of Ingress in/gw"):
        before.made()


def test_a_change_that_the_controller_does_not_look_at_is_not_waited_for(cluster: Cluster) -> None:
    cluster.serve()
    assert awaited(cluster).made()["status"]["loadBalancer"]["ingress"] == [{"hostname": HOST}]


def test_a_refusal_that_stays_is_the_error_in_the_controllers_words(cluster: Cluster) -> None:
    before = awaited(cluster)
    cluster.change()
    cluster.say("FailedBuildModel", "Failed build model due to couldn't auto-discover subnets", warning=True)
    with pytest.raises(
        LabError,
        match="the AWS Load Balancer Controller refused Ingress in/gw: FailedBuildModel: Failed build model due to "
        "couldn't auto-discover subnets",
    ):
        before.made()


def test_a_refusal_that_the_controller_gets_over_is_none(cluster: Cluster) -> None:
    before = awaited(cluster)
    cluster.change()
    cluster.say("FailedDeployModel", "conflict", warning=True)
    cluster.looks = [lambda: None, cluster.serve]
    assert before.made()["status"]


def test_a_refusal_of_another_object_is_none_of_this_one(cluster: Cluster) -> None:
    before = awaited(cluster)
    cluster.change()
    cluster.say("FailedBuildModel", "no", warning=True, name="other")
    cluster.looks = [cluster.serve]
    assert before.made()["status"]


@pytest.mark.parametrize(
    ("document", "wanted"),
    [
        ({"kind": "Ingress", "spec": {}}, True),
        ({"kind": "Service", "spec": {"type": "LoadBalancer"}}, True),
        ({"kind": "Service", "spec": {"type": "ClusterIP"}}, False),
        ({"kind": "ConfigMap"}, False),
    ],
)
def test_an_ingress_and_a_load_balancers_service_are_waited_for(document: dict[str, Any], *, wanted: bool) -> None:
    assert is_balanced(document) is wanted


class Remembering:
    """Objects by kind, and what was removed without waiting; kinds that it does not have are unknown."""

    def __init__(self, **kinds: list[dict[str, Any]]) -> None:
        self.kinds = kinds
        self.abandoned: list[str] = []

    def listed(self, api_version: str, kind: str) -> list[dict[str, Any]]:
        if kind not in self.kinds:
            raise UnknownKind(kind)
        return self.kinds[kind]

    def abandon(self, key: Key) -> None:
        self.abandoned.append(f"{key.kind} {key.name}")


def named(name: str, **spec: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "in", "name": name}, "spec": spec}


def test_of_an_account_that_is_gone_only_what_had_a_load_balancer_goes_and_bindings_last() -> None:
    cluster = Remembering(
        Ingress=[named("gw")],
        Service=[named("nlb", type="LoadBalancer"), named("gw", type="ClusterIP")],
        TargetGroupBinding=[named("k8s-in-gw")],
    )
    balanced.forget(cast(Any, cluster))
    assert cluster.abandoned == ["Ingress gw", "Service nlb", "TargetGroupBinding k8s-in-gw"]


def test_a_cluster_that_never_had_the_controller_has_nothing_to_forget() -> None:
    cluster = Remembering(Ingress=[], Service=[])
    balanced.forget(cast(Any, cluster))
    assert cluster.abandoned == []

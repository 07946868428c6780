"""What the HorizontalPodAutoscalers say of themselves, read as kubectl gives it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshops.tools import ToolError, Tools
from meshops.verify.gather import autoscalers
from meshops.verify.gather.autoscalers import gather_autoscalers, parse_autoscalers


def answer(**conditions: tuple[str, str]) -> dict[str, Any]:
    item = {
        "metadata": {"namespace": "shop", "name": "frontend"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "frontend"}, "minReplicas": 2, "maxReplicas": 4},
        "status": {
            "currentReplicas": 3,
            "conditions": [
                {"type": type_, "status": status, "reason": reason, "message": "because"}
                for type_, (status, reason) in conditions.items()
            ],
        },
    }
    return {"items": [item]}


def test_one_that_reads_its_metrics_is_active() -> None:
    (found,) = parse_autoscalers(answer(ScalingActive=("True", "ValidMetricFound")))
    assert (str(found), found.target, found.replicas, found.active) == ("shop/frontend", "Deployment frontend", 3, True)
    assert not found.limited


def test_one_without_a_metrics_api_says_why_it_does_not_scale() -> None:
    (found,) = parse_autoscalers(answer(ScalingActive=("False", "FailedGetResourceMetric")))
    assert (found.active, found.why) == (False, "FailedGetResourceMetric: because")


def test_one_that_was_just_made_is_not_active_yet() -> None:
    (found,) = parse_autoscalers({"items": [{**answer()["items"][0], "status": {}}]})
    assert (found.active, found.why) == (False, "it has not looked yet")


@pytest.mark.parametrize(("reason", "limited"), [("TooManyReplicas", True), ("TooFewReplicas", False)])
def test_only_one_that_wants_more_than_it_may_is_limited(reason: str, limited: bool) -> None:
    (found,) = parse_autoscalers(answer(ScalingLimited=("True", reason)))
    assert found.limited is limited


def test_one_that_becomes_active_a_moment_later_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    said = [answer(), answer(ScalingActive=("True", "ValidMetricFound"))]
    monkeypatch.setattr(Tools, "ask_kubectl", lambda self, *arguments: json.dumps(said.pop(0)))
    monkeypatch.setattr(autoscalers, "_POLL_SECONDS", 0)
    found = gather_autoscalers(Tools(), ["shop"])
    assert isinstance(found, tuple)
    assert [one.active for one in found] == [True]


def test_others_than_the_meshs_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tools, "ask_kubectl", lambda self, *arguments: json.dumps(answer()))
    assert gather_autoscalers(Tools(), ["another"]) == ()


def test_what_kubectl_refuses_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Tools, *arguments: str) -> str:
        raise ToolError("forbidden")

    monkeypatch.setattr(Tools, "ask_kubectl", refused)
    found = gather_autoscalers(Tools(), ["shop"])
    assert not isinstance(found, tuple)
    assert "forbidden" in found.reason

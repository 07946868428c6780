"""The lab's report: what makes a line fail, and that stand-ins and differences are never silent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.build.pins import DIFFERENCES
from lab.cluster.overrides import OVERRIDES, values_for
from lab.report.inspection import Inspection
from lab.report.report import Line, compose, failed, render
from meshops.checks.model import Result, Status, Verdict
from meshops.preflight.subnets import CHECK
from tests.unit.lab.report.facts import APPLIED, INSPECTION


def lines(found: Inspection = INSPECTION) -> dict[str, Line]:
    return {line.title: line for line in compose(found, APPLIED)}


def test_a_lab_as_it_should_be_has_no_failed_line() -> None:
    composed = compose(INSPECTION, APPLIED)
    assert failed(composed) is False
    assert [(line.title, line.status) for line in composed if line.section == "From the cluster"] == [
        ("charts", "ok"),
        ("objects", "ok"),
        ("preflight MP101", "ok"),
    ]


def test_a_release_that_is_not_deployed_fails() -> None:
    pending = replace(INSPECTION.charts[0], status="pending-install")
    line = lines(replace(INSPECTION, charts=(pending,)))["charts"]
    assert (line.status, line.text) == ("failed", "not deployed: istio-system/istiod")


def test_an_object_that_is_missing_in_the_cluster_fails_with_its_kind() -> None:
    line = lines(replace(INSPECTION, objects={"Namespace": 2, "Sidecar": 2}))["objects"]
    assert (line.status, line.details) == ("failed", ("Sidecar: 2 in the cluster, 3 registered",))


def test_an_object_that_nobody_registered_fails_too() -> None:
    line = lines(replace(INSPECTION, objects={**INSPECTION.objects, "Gateway": 1}))["objects"]
    assert (line.status, line.details) == ("failed", ("Gateway: 1 in the cluster, 0 registered",))


@pytest.mark.parametrize("status", ["fail", "unknown"])
def test_a_preflight_check_that_does_not_pass_fails_and_shows_its_remedy(status: Status) -> None:
    verdict = Verdict(status=status, finding="1 zone of the 2 needed.", remedy="Tag another.")
    line = lines(replace(INSPECTION, preflight=(Result(check=CHECK, verdict=verdict),)))["preflight MP101"]
    assert (line.status, line.text, line.details) == ("failed", "1 zone of the 2 needed.", ("remedy: Tag another.",))


def test_everything_that_stands_in_is_named_and_counted() -> None:
    noted = {line.title: (line.text, line.details) for line in lines().values() if line.section == "What stands in"}
    assert noted == {
        "AWS": (
            "moto at http://127.0.0.1:5000, in memory; 5 resources really exist in it",
            ("1 Vpc, 4 Subnet",),
        ),
        "AWS, recorded only": ("4 resources of types that nothing in the lab reads", ("4 Addon",)),
        "hosted zone": ("the settings' own exists in moto under an id of moto's choice, and is translated", ()),
        "load balancer": (
            "stand-in for an ALB: Ingress in/gateway at 10.201.0.10, ports 80, 443, 1 of 2 targets healthy",
            (),
        ),
        "image */collector:*": ("counts spans", ()),
    }


def test_every_pin_that_differs_and_every_override_is_in_the_report() -> None:
    text = render(compose(INSPECTION, APPLIED))
    for difference in DIFFERENCES:
        assert difference.lab in text
    for override in OVERRIDES:
        assert str(override) in text
        assert override.reason in text


def test_a_failed_line_stands_out() -> None:
    text = render((Line(status="failed", title="charts", text="none", details=("why",)),))
    assert text.splitlines() == ["From the cluster", "FAILED charts: none", "         why"]


def test_an_override_lies_over_the_programs_values_and_leaves_them_untouched() -> None:
    values = {"telemetry": {"v2": {"enabled": True}}, "pilot": {"cni": {"enabled": True}}}
    assert values_for("istiod", values) == {
        "telemetry": {"v2": {"enabled": True}, "enabled": False},
        "pilot": {"cni": {"enabled": True}},
    }
    assert values["telemetry"] == {"v2": {"enabled": True}}
    assert values_for("gateway", values) == values

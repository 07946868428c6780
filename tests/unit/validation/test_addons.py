"""What EKS would refuse in an add-on half an hour into an `up`, or take and break every application with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from manifests.cloudwatch_addon import cloudwatch_addon_values
from offline.registration import Registration
from validation import addons
from validation.validate import validate
from versions import CLOUDWATCH_ADDON, CLOUDWATCH_ADDON_VERSION


def cloudwatch(values: Any, version: str | None = CLOUDWATCH_ADDON_VERSION) -> Registration:
    text = values if isinstance(values, str) else json.dumps(values)
    return Registration(
        urn="urn:pulumi:dev::zero-trust-mesh::aws:eks/addon:Addon::one",
        type="aws:eks/addon:Addon",
        name="one",
        parent="",
        provider="",
        depends_on=(),
        property_dependencies={},
        inputs={"addonName": CLOUDWATCH_ADDON, "addonVersion": version, "configurationValues": text},
        custom=True,
    )


def fields(registration: Registration) -> dict[str, str]:
    return {finding.field.removeprefix("configurationValues."): finding.rule for finding in validate([registration])}


def test_what_the_program_sets_is_taken() -> None:
    assert fields(cloudwatch(cloudwatch_addon_values())) == {}


@pytest.mark.parametrize(
    "values", [{}, {"applicationSignals": {"enabled": True}}, {"containerLogs": {"enabled": True}}, "{}", ""]
)
def test_application_signals_would_stop_every_pod_of_a_restricted_namespace(values: Any) -> None:
    found = fields(cloudwatch(values))
    assert set(found) == {"applicationSignals.enabled", "manager.applicationSignals.autoMonitor.monitorAllServices"}
    assert all("restricted" in rule for rule in found.values())


def test_a_misspelt_key_would_end_the_up_with_an_invalid_parameter() -> None:
    values = cloudwatch_addon_values()
    values["manager"]["applicationSignals"]["autoMonitor"]["monitorAllService"] = False
    values["containerLogs"] = {"enabled": "true"}
    found = fields(cloudwatch(values))
    assert found["containerLogs.enabled"] == "It must be of type boolean."
    misspelt = found["manager.applicationSignals.autoMonitor.monitorAllService"]
    assert misspelt == "Unknown field. Is monitorAllServices meant?"


@pytest.mark.parametrize("version", [None, "v5.0.0-eksbuild.1"])
def test_another_build_would_be_judged_by_a_schema_that_is_not_its_own(version: str | None) -> None:
    assert set(fields(cloudwatch(cloudwatch_addon_values(), version))) == {"addonVersion"}


def test_values_that_are_not_json_are_refused() -> None:
    assert list(fields(cloudwatch("containerLogs: on"))) == ["configurationValues"]


def test_each_record_says_where_it_is_from() -> None:
    assert addons.recorded()[CLOUDWATCH_ADDON]["version"] == CLOUDWATCH_ADDON_VERSION
    for file in addons.recorded().values():
        assert file["sources"], file["addon"]
        assert file["complete"] in (True, False)

"""Checks what a program sets in EKS's add-ons, the way EKS would: against the schema of the add-on's version.

EKS answers a key that it does not know with InvalidParameterException, half an hour into an `up`. What is recorded of a
schema, and from where, stands in its file under `schemas/addons`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from offline.registration import Registration
from validation.findings import Finding, field_path, shown
from validation.schemas import translated

_ADDON = "aws:eks/addon:Addon"
_DIRECTORY = Path(__file__).resolve().parent.parent / "schemas" / "addons"
_CLOUDWATCH = "amazon-cloudwatch-observability"
_OFF = (("applicationSignals", "enabled"), ("manager", "applicationSignals", "autoMonitor", "monitorAllServices"))


@cache
def recorded() -> dict[str, dict[str, Any]]:
    """Add-on -> its file: `addon`, `version`, `sources`, `schema`."""
    files = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(_DIRECTORY.glob("*.json"))]
    return {file["addon"]: file for file in files}


def check(registration: Registration) -> Iterator[Finding]:
    """What EKS would refuse in an add-on, and what it would take and do harm with. Nothing for any other resource."""
    if registration.type != _ADDON:
        return
    inputs = registration.inputs
    name = str(inputs.get("addonName", registration.name))
    subject = f"Addon {name}"
    text = inputs.get("configurationValues") or "{}"
    try:
        values = json.loads(text)
    except (TypeError, ValueError):
        yield Finding(subject=subject, field="configurationValues", value=str(text), rule="It must be JSON.")
        return
    file = recorded().get(name)
    if file is not None:
        yield from _against(file, inputs.get("addonVersion"), values, subject)
    if name == _CLOUDWATCH:
        yield from _signals_are_off(values, subject)


def _against(file: Mapping[str, Any], version: Any, values: Any, subject: str) -> Iterator[Finding]:
    if version != file["version"]:
        rule = f"The schema at hand is that of {file['version']}: pin this one, or record the other one's."
        yield Finding(subject=subject, field="addonVersion", value=str(version or "(not set)"), rule=rule)
    for error in jsonschema_rs.Draft202012Validator(file["schema"]).iter_errors(values):
        for path, rule in translated(error, file["schema"]):
            yield Finding(subject=subject, field=_field(path), value=shown(values, path), rule=rule)


def _signals_are_off(values: Any, subject: str) -> Iterator[Finding]:
    for path in _OFF:
        if shown(values, path) != "false":
            rule = (
                "On by default, Application Signals puts an init container into each pod behind a Service, which the "
                "level `restricted` of the namespaces refuses: set it to false."
            )
            yield Finding(subject=subject, field=_field(path), value=shown(values, path), rule=rule)


def _field(path: tuple[str | int, ...] | list[str | int]) -> str:
    return f"configurationValues.{field_path(path)}"

"""Checks one Kubernetes object against the schema of its kind, the way the API server would."""

from __future__ import annotations

import base64
import binascii
import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from offline.objects import KubernetesObject
from offline.values import revealed
from validation.cel_rules import broken_rules
from validation.findings import Finding, field_path, shown

_DIRECTORY = Path(__file__).resolve().parent.parent / "schemas"
GROUPS: tuple[str, ...] = ("kubernetes", "istio", "cert-manager", "karpenter", "secrets-store")


@cache
def _kinds() -> dict[str, dict[str, Any]]:
    """`<apiVersion>/<kind>` -> {"namespaced": bool, "schema": …}."""
    return {key: value for group in GROUPS for key, value in _file(group)["kinds"].items()}


@cache
def _file(group: str) -> dict[str, Any]:
    return json.loads((_DIRECTORY / f"{group}.json").read_text(encoding="utf-8"))


def recorded_modules() -> dict[str, str]:
    """Schema group -> the Go module and version its file was made from."""
    return {group: _file(group)["module"] for group in GROUPS}


def is_namespaced(api_version: str, kind: str) -> bool | None:
    """Whether objects of a kind belong into a namespace; None for a kind that no schema describes."""
    entry = _kinds().get(f"{api_version}/{kind}")
    return None if entry is None else bool(entry["namespaced"])


def check(item: KubernetesObject) -> Iterator[Finding]:
    """Everything the schema of its kind refuses in an object: unknown fields, wrong types and values, broken rules."""
    entry = _kinds().get(f"{item.api_version}/{item.kind}")
    if entry is None:
        yield Finding(subject=str(item), field="apiVersion", value=item.api_version, rule=_unknown_kind(item))
        return
    content = revealed(item.content)
    refused = False
    for error in _validator(item.api_version, item.kind).iter_errors(content):
        for path, rule in translated(error, entry["schema"]):
            if item.patch and error.kind.name == "required":
                continue  # a patch carries the fields it changes, the object has the others
            refused = True
            yield Finding(subject=str(item), field=field_path(path), value=shown(item.content, path), rule=rule)
    if not refused:  # as the API server: the rules are not asked about what has not even the right shape
        for path, rule in broken_rules(content, entry["schema"], _definitions()):
            yield Finding(subject=str(item), field=field_path(path), value=shown(item.content, path), rule=rule)


def _definitions() -> dict[str, Any]:
    return _file("kubernetes")["$defs"]


@cache
def _validator(api_version: str, kind: str) -> jsonschema_rs.Draft202012Validator:
    schema = {**_kinds()[f"{api_version}/{kind}"]["schema"], "$defs": _definitions()}
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True, formats={"byte": _is_base64})


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _unknown_kind(item: KubernetesObject) -> str:
    versions = sorted(key.rpartition("/")[0] for key in _kinds() if key.endswith(f"/{item.kind}"))
    if versions:
        return f"{item.kind} is served here as {', '.join(versions)}."
    close = difflib.get_close_matches(item.kind, [key.rpartition("/")[2] for key in _kinds()], n=1)
    hint = f" Is {close[0]} meant?" if close else ""
    return f"No schema is known for this kind; `validation/build/write.py` lists those that are.{hint}"


def translated(
    error: jsonschema_rs.ValidationError, schema: Mapping[str, Any]
) -> Iterator[tuple[list[str | int], str]]:
    """One error of the validator as (path, rule), an unknown field at its own path."""
    path: list[str | int] = list(error.instance_path)
    kind = error.kind
    match kind.name:
        case "additionalProperties":
            known = list(_schema_at(schema, list(error.schema_path)[:-1]).get("properties", ()))
            for field in kind.unexpected:  # ty: ignore[missing-attribute]
                close = difflib.get_close_matches(field, known, n=1)
                hint = f" Is {close[0]} meant?" if close else f" There are {', '.join(sorted(known))}."
                yield [*path, field], f"Unknown field.{hint}"
        case "required":
            yield [*path, kind.property], "This field is required."  # ty: ignore[missing-attribute]
        case "enum":
            options = ", ".join(json.dumps(option) for option in kind.options)  # ty: ignore[missing-attribute]
            yield path, f"It must be one of {options}."
        case "type":
            types = " or ".join(kind.types)  # ty: ignore[missing-attribute]
            yield path, f"It must be of type {types}."
        case "pattern":
            yield path, f"It must match {kind.pattern}"  # ty: ignore[missing-attribute]
        case "oneOf" | "anyOf" | "not":
            yield path, _alternatives(_schema_at(schema, list(error.schema_path)[:-1]))
        case "format":
            yield path, f"It must have the format {kind.format}."  # ty: ignore[missing-attribute]
        case _:
            # The validator's text begins with the value, which may be long or secret.
            limit = _schema_at(schema, list(error.schema_path))
            yield path, f"It breaks the limit {kind.name} {limit}."


def _schema_at(schema: Mapping[str, Any], path: Sequence[str | int]) -> Any:
    """The part of a schema at a path of the validator, which writes a definition it went through as `$defs`, name."""
    node: Any = {**schema, "$defs": _definitions()}
    for step in path:
        node = node[step]
    return node


def _alternatives(schema: Mapping[str, Any]) -> str:
    branches = [branch for key in ("oneOf", "anyOf") for branch in schema.get(key, ())]
    fields = [field for branch in branches for field in branch.get("required", ())]
    if fields:
        return f"At most one of {', '.join(dict.fromkeys(fields))} may be set."
    patterns = [branch["pattern"] for branch in branches if "pattern" in branch]
    if patterns:
        return f"It must match {' or '.join(patterns)}"
    types = [str(branch["type"]) for branch in branches if "type" in branch]
    return f"It must be {' or '.join(types)}." if types else "It matches none of the forms its schema allows."

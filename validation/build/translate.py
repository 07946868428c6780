"""From Kubernetes' dialects of OpenAPI to JSON Schema as strict as the API server.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"

# k8s.io/apimachinery, pkg/api/resource/quantity.go: what ParseQuantity takes.
_QUANTITY_PATTERN = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$"

_BOUNDS = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}

# Carried over as they are; everything else in the source is documentation or generation detail.
_KEPT = (
    "type",
    "enum",
    "pattern",
    "required",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
)
# Formats that the API server enforces in custom resources and that a document of ours may hold.
_FORMATS = ("byte", "date-time", "duration", "ipv4", "ipv6", "cidr", "uri")


def custom_resource(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of one served version of a CustomResourceDefinition."""
    translated = _structural(schema)
    properties = translated["properties"]
    properties["metadata"] = {"$ref": f"#/$defs/{_METADATA}"}
    properties.setdefault("apiVersion", {"type": "string"})
    properties.setdefault("kind", {"type": "string"})
    # A document carries no status: the API server would drop it without a word.
    properties.pop("status", None)
    translated["required"] = sorted({*translated.get("required", ()), "apiVersion", "kind", "metadata"})
    return translated


def definition(name: str, schema: Mapping[str, Any], enums: Mapping[str, Any]) -> dict[str, Any]:
    """One definition of Kubernetes' OpenAPI. `enums`: property -> the values its Go type allows."""
    if name == _QUANTITY:
        return {"oneOf": [{"type": "string", "pattern": _QUANTITY_PATTERN}, {"type": "number"}]}
    translated = _structural(schema)
    properties = translated.get("properties", {})
    if "x-kubernetes-group-version-kind" in schema:
        properties.pop("status", None)
        translated["required"] = sorted({*translated.get("required", ()), "apiVersion", "kind", "metadata"})
    for field, values in enums.items():
        target = properties.get(field, {})
        target = target.get("items", target) if target.get("type") == "array" else target
        if target.get("type") == "string":
            target["enum"] = sorted(values)
    return translated


def _structural(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema that describes a value: fields it does not name are refused."""
    reference = _reference(schema)
    if reference is not None:
        return {"$ref": reference}
    result = {key: schema[key] for key in _KEPT if key in schema}
    if "properties" in schema:
        result["properties"] = {key: _structural(value) for key, value in schema["properties"].items()}
    if "items" in schema:
        result["items"] = _structural(schema["items"])
    additional = schema.get("additionalProperties")
    if isinstance(additional, Mapping):
        result["additionalProperties"] = _structural(additional)
    elif "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        result["additionalProperties"] = False
    for junction in ("allOf", "anyOf", "oneOf"):
        if junction in schema:
            result[junction] = [_condition(branch) for branch in schema[junction]]
    if "not" in schema:
        result["not"] = _condition(schema["not"])
    rules = [rule for rule in schema.get("x-kubernetes-validations", ()) if "oldSelf" not in rule["rule"]]
    if rules:
        result["x-kubernetes-validations"] = [
            {key: rule[key] for key in ("rule", "message") if key in rule} for rule in rules
        ]
    _apply_format(schema, result)
    if schema.get("nullable") and isinstance(result.get("type"), str):
        result["type"] = [result["type"], "null"]
        if "enum" in result:
            result["enum"] = [*result["enum"], None]
    return result


def _condition(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A branch of allOf, anyOf, oneOf or not: it constrains, and says nothing about further fields."""
    result = {key: schema[key] for key in _KEPT if key in schema}
    if "properties" in schema:
        result["properties"] = {key: _condition(value) for key, value in schema["properties"].items()}
    if "items" in schema:
        result["items"] = _condition(schema["items"])
    for junction in ("allOf", "anyOf", "oneOf"):
        if junction in schema:
            result[junction] = [_condition(branch) for branch in schema[junction]]
    if "not" in schema:
        result["not"] = _condition(schema["not"])
    return result


def _reference(schema: Mapping[str, Any]) -> str | None:
    """The target of `$ref`, or of the `allOf: [{$ref: …}]` that OpenAPI 3.0 needs beside a description."""
    branches = schema.get("allOf", ())
    target = schema.get("$ref") or (branches[0].get("$ref") if len(branches) == 1 else None)
    return f"#/$defs/{target.removeprefix('#/components/schemas/')}" if target else None


def _apply_format(schema: Mapping[str, Any], result: dict[str, Any]) -> None:
    kind = schema.get("format")
    if kind in _BOUNDS:
        minimum, maximum = _BOUNDS[kind]
        result.setdefault("minimum", minimum)
        result.setdefault("maximum", maximum)
    elif kind in _FORMATS:
        result["format"] = kind

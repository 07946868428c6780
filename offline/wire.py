"""Property values between Pulumi's wire format (protobuf Struct) and plain Python.

Pulumi's own `rpc.deserialize_properties` moves a secret's mark up to the whole property; a plan has to mask exactly
what is secret, so the conversion here leaves the mark where it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import struct_pb2
from pulumi.runtime import rpc

from offline.values import UNKNOWN, Reference, Secret, Unknown


def from_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    """The properties of a request as plain Python, keys in order (protobuf keeps none).

    Whole numbers are ints again (the wire knows doubles only), secrets are `Secret`, what is unknown is `UNKNOWN`,
    resource references are the URN of what they refer to, assets and archives a dict without the mark of their kind.
    """
    return {key: _from_value(value) for key, value in sorted(struct.fields.items())}


def _from_value(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        number = float(value.number_value)
        return int(number) if float.is_integer(number) else number
    if kind == "string_value":
        return UNKNOWN if value.string_value == rpc.UNKNOWN else value.string_value
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_from_value(item) for item in value.list_value.values]
    if kind == "struct_value":
        return _from_object(value.struct_value)
    return None


def _from_object(struct: struct_pb2.Struct) -> Any:
    fields = struct.fields
    if rpc._special_sig_key not in fields:
        return {key: _from_value(value) for key, value in sorted(fields.items())}
    signature = fields[rpc._special_sig_key].string_value
    if signature == rpc._special_secret_sig:
        return Secret(_from_value(fields["value"]))
    if signature == rpc._special_resource_sig:
        return fields["urn"].string_value
    if signature == rpc._special_output_value_sig:
        inner = _from_value(fields["value"]) if "value" in fields else UNKNOWN
        return Secret(inner) if "secret" in fields and fields["secret"].bool_value else inner
    return {key: _from_value(value) for key, value in sorted(fields.items()) if key != rpc._special_sig_key}


def to_struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Outputs of an engine as the runtime wants them. Raises `TypeError` for a value that no property can have."""
    struct = struct_pb2.Struct()
    for key, value in properties.items():
        struct.fields[key].CopyFrom(_to_value(value))
    return struct


def _to_value(value: Any) -> struct_pb2.Value:
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, int | float):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if isinstance(value, Unknown):
        return struct_pb2.Value(string_value=rpc.UNKNOWN)
    if isinstance(value, Secret):
        marked = {rpc._special_sig_key: rpc._special_secret_sig, "value": value.value}
        return struct_pb2.Value(struct_value=to_struct(marked))
    if isinstance(value, Reference):
        marked = {rpc._special_sig_key: rpc._special_resource_sig, "urn": value.urn, "id": value.id}
        return struct_pb2.Value(struct_value=to_struct(marked))
    if isinstance(value, Mapping):
        return struct_pb2.Value(struct_value=to_struct(value))
    if isinstance(value, list | tuple):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_to_value(item) for item in value]))
    raise TypeError(f"{type(value).__name__} is not a property value")

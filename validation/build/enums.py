"""The enums of Kubernetes' built-in kinds, from the Go types marked `+enum`; its published OpenAPI has none."""

from __future__ import annotations

import re
from pathlib import Path

_ENUM_TYPE = re.compile(r"^// \+enum\n(?://[^\n]*\n)*type (\w+) string", re.MULTILINE)
_CONSTANT = re.compile(r'^\s+\w+\s+(\w+)\s+=\s+"([^"]*)"', re.MULTILINE)
_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_CONVERTED = re.compile(r'^\s+\w+\s+=\s+(\w+)\("([^"]*)"\)', re.MULTILINE)
_FIELD = re.compile(r'^\t\w+\s+(?:\[\])?\*?((?:v1\.|corev1\.)?\w+)\s+`json:"(\w+)', re.MULTILINE)


def enums_of(api_types: Path) -> dict[str, dict[str, tuple[str, ...]]]:
    """Definition -> property -> the values it may have, e.g. `io.k8s.api.core.v1.ServiceSpec` -> `type` -> ClusterIP, …

    api_types: the directory of the Go module `k8s.io/api`.
    """
    core = _values((api_types / "core" / "v1" / "types.go").read_text(encoding="utf-8"))
    imported = {f"{alias}.{name}": values for name, values in core.items() for alias in ("v1", "corev1")}
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for source in sorted(api_types.glob("*/*/types.go")):
        text = source.read_text(encoding="utf-8")
        values = {**imported, **_values(text)}
        package = f"io.k8s.api.{source.parent.parent.name}.{source.parent.name}"
        for struct, body in _STRUCT.findall(text):
            fields = {field: values[kind] for kind, field in _FIELD.findall(body) if kind in values}
            if fields:
                found[f"{package}.{struct}"] = fields
    return found


def _values(text: str) -> dict[str, tuple[str, ...]]:
    enums: dict[str, list[str]] = {name: [] for name in _ENUM_TYPE.findall(text)}
    for name, value in (*_CONSTANT.findall(text), *_CONVERTED.findall(text)):
        if name in enums:
            enums[name].append(value)
    return {name: tuple(values) for name, values in enums.items() if values}

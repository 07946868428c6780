"""What a plan finds wrong with an object: which one, where in it, what stands there, and the rule it breaks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from offline.values import MASK, Secret, masked


@dataclass(frozen=True, kw_only=True)
class Finding:
    """subject: e.g. `AuthorizationPolicy secure-apps/billing-api`; field: e.g. `spec.rules[0].to[0].operation`."""

    subject: str
    field: str
    value: str
    rule: str

    def __str__(self) -> str:
        return f"{self.subject}\n    {self.field} = {self.value}\n    {self.rule}"


def field_path(path: Sequence[str | int]) -> str:
    """`("spec", "ports", 0, "name")` -> `spec.ports[0].name`; a key with dots or slashes is quoted."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("-", "").replace("_", "").isalnum():
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text or "(whole object)"


def shown(content: Any, path: Sequence[str | int]) -> str:
    """The value at a path as a person may see it: `(not set)` if there is none, secrets masked, long ones cut."""
    value = content
    for step in path:
        if isinstance(value, Secret):
            return MASK
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return "(not set)"
    value = masked(value)
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str | Mapping | list | bool) else str(value)
    return text if len(text) <= 160 else text[:157] + "..."

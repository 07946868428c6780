"""Where the lab gives a chart another value than the stack does: each with its reason, all of them in the report."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Override:
    """One value of one chart. path: its keys from the outside in."""

    chart: str
    path: tuple[str, ...]
    value: Any
    reason: str

    def __str__(self) -> str:
        return f"{self.chart}: {'.'.join(self.path)}={str(self.value).lower()}"


OVERRIDES: tuple[Override, ...] = (
    Override(
        chart="istiod",
        path=("telemetry", "enabled"),
        value=False,
        reason="upstream Envoy lacks Istio's stats filter: every listener with it would be rejected",
    ),
    Override(
        chart="aws-load-balancer-controller",
        path=("targetgroupbindingRequeueDuration",),
        value="2s",
        reason="a readiness gate opens at the controller's next look at its target, which by itself is after 15 s: an "
        "AWS counts its calls",
    ),
)


def values_for(chart: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """A chart's values with the lab's own over the program's; the program's are not touched."""
    merged = copy.deepcopy(dict(values))
    for override in OVERRIDES:
        if override.chart == chart:
            inner = merged
            for key in override.path[:-1]:
                inner = inner.setdefault(key, {})
            inner[override.path[-1]] = override.value
    return merged

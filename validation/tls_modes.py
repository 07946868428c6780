"""Where a DestinationRule leaves its TLS mode open (docs/traps.md, 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def without_mode(spec: Mapping[str, Any]) -> Iterator[str]:
    """The paths of the modes that are missing in a DestinationRule's spec: `spec.trafficPolicy.tls.mode`.

    A subset inherits the rule's mode; port level settings take the place of those around them, they do not add to them.
    """
    policy = spec.get("trafficPolicy") or {}
    if not _mode(policy):
        yield "spec.trafficPolicy.tls.mode"
    policies = [("spec.trafficPolicy", policy)]
    for position, subset in enumerate(spec.get("subsets") or ()):
        policies.append((f"spec.subsets[{position}].trafficPolicy", subset.get("trafficPolicy") or {}))
    for where, one in policies:
        for position, settings in enumerate(one.get("portLevelSettings") or ()):
            if not _mode(settings):
                yield f"{where}.portLevelSettings[{position}].tls.mode"


def _mode(policy: Mapping[str, Any]) -> str | None:
    tls = policy.get("tls")
    return tls.get("mode") if isinstance(tls, Mapping) else None

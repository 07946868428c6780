"""How the pods of one Deployment spread over the zones."""

from __future__ import annotations

from typing import Any


def spread_over_zones(labels: dict[str, str]) -> dict[str, Any]:
    """A topologySpreadConstraint for pods with these labels."""
    return {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        # A zone that is full must not stop a rollout.
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels},
        # Each revision of the Deployment by itself: the pods that a rollout replaces would be counted, and it could end
        # with all new ones in one zone.
        # https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
        "matchLabelKeys": ["pod-template-hash"],
    }

"""The HorizontalPodAutoscalers of the mesh, once they have had time to read their metrics."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from meshops.checks.model import Unavailable
from meshops.tools import ToolError, Tools
from meshops.verify.facts import Autoscaler
from meshops.verify.gather.settling import settled

# Their controller looks every 15 s, and so does metrics-server: one that was just made knows nothing yet.
_SETTLED_AFTER_SECONDS = 75.0
_POLL_SECONDS = 2.0
_REMEDY = "See that the kubeconfig's user may read HorizontalPodAutoscalers in every namespace."


def gather_autoscalers(tools: Tools, namespaces: Collection[str]) -> tuple[Autoscaler, ...] | Unavailable:
    """Those of these namespaces. Inactive is what stays so."""

    def ask() -> tuple[Autoscaler, ...]:
        text = tools.ask_kubectl("get", "horizontalpodautoscalers.autoscaling", "--all-namespaces", "--output=json")
        return tuple(one for one in parse_autoscalers(json.loads(text)) if one.namespace in namespaces)

    def active(found: tuple[Autoscaler, ...]) -> bool:
        return all(one.active for one in found)

    try:
        return settled(ask, active, seconds=_SETTLED_AFTER_SECONDS, pause=_POLL_SECONDS)
    except ToolError as problem:
        return Unavailable(reason=f"The autoscalers could not be read: {problem}", remedy=_REMEDY)
    except (ValueError, KeyError, TypeError) as problem:
        return Unavailable(reason=f"The autoscalers: kubectl's answer could not be read: {problem!r}", remedy=_REMEDY)


def parse_autoscalers(answer: Mapping[str, Any]) -> tuple[Autoscaler, ...]:
    """kubectl's List, by namespace and name."""
    return tuple(sorted((_autoscaler(item) for item in answer["items"]), key=str))


def _autoscaler(item: Mapping[str, Any]) -> Autoscaler:
    spec, status = item["spec"], item.get("status") or {}
    conditions = {condition["type"]: condition for condition in status.get("conditions") or ()}
    scaling = conditions.get("ScalingActive") or {}
    return Autoscaler(
        namespace=item["metadata"]["namespace"],
        name=item["metadata"]["name"],
        target=f"{spec['scaleTargetRef']['kind']} {spec['scaleTargetRef']['name']}",
        least=spec.get("minReplicas", 1),
        most=spec["maxReplicas"],
        replicas=status.get("currentReplicas", 0),
        active=scaling.get("status") == "True",
        why=f"{scaling['reason']}: {scaling.get('message', '')}" if "reason" in scaling else "it has not looked yet",
        limited=_limited(conditions.get("ScalingLimited") or {}),
    )


def _limited(condition: Mapping[str, Any]) -> bool:
    """At its most, and more are wanted."""
    return condition.get("status") == "True" and condition.get("reason") == "TooManyReplicas"

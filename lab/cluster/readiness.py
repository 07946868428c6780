"""Waits until what the program deployed runs: `make lab` proves nothing on pods that are still starting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lab.cluster.helm import daemon_set_available, deployment_available
from lab.cluster.objects import Document, Objects
from lab.waiting import until

_PAUSE_SECONDS = 0.3
# Ends of a pod that a Deployment has replaced; they are somebody's history and wait for nothing.
_ENDED = ("Succeeded", "Failed")


def await_ready(objects: Objects, show: Callable[[str], None], *, seconds: float = 240.0) -> None:
    """Until every Deployment and DaemonSet of the cluster is available, and every Certificate issued.

    Raises LabError that says which are not, and why their pods are not ready.
    """

    def ready() -> bool:
        if waiting := _waiting(objects):
            show(f"waiting for {waiting}")
        return not waiting

    def reasons() -> str:
        pods = "; ".join(reason for pod in objects.listed("v1", "Pod") if (reason := not_ready(pod)))
        return f"{_waiting(objects)}: {pods or 'no pod says why'}"

    what = "all workloads and certificates to be ready"
    until(ready, seconds=seconds, pause=_PAUSE_SECONDS, what=what, seen=reasons)


def certificate_ready(certificate: Mapping[str, Any]) -> bool:
    """Whether cert-manager has issued it."""
    conditions = certificate.get("status", {}).get("conditions", ())
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def not_ready(pod: Document) -> str:
    """Why a pod is not ready, in one sentence; empty if it is, or has ended."""
    status, name = pod.get("status", {}), f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    conditions = {condition["type"]: condition for condition in status.get("conditions", ())}
    if status.get("phase") in _ENDED or conditions.get("Ready", {}).get("status") == "True":
        return ""
    if conditions.get("PodScheduled", {}).get("status") == "False":
        return f"{name} is not scheduled: {conditions['PodScheduled'].get('message', 'no reason given')}"
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        state = container.get("state", {})
        if waiting := state.get("waiting"):
            why = waiting.get("message") or waiting.get("reason", "")
            return f"{name}: container {container['name']} waits: {why}"
        if "running" in state and not container.get("ready"):
            return f"{name}: container {container['name']} runs and is not ready"
    return f"{name} is {status.get('phase', 'unknown')}"


_READY: tuple[tuple[str, str, Callable[[Mapping[str, Any]], bool]], ...] = (
    ("apps/v1", "Deployment", deployment_available),
    ("apps/v1", "DaemonSet", daemon_set_available),
    ("cert-manager.io/v1", "Certificate", certificate_ready),
)


def _waiting(objects: Objects) -> str:
    return ", ".join(
        f"{found['metadata']['namespace']}/{found['metadata']['name']}"
        for api_version, kind, ready in _READY
        for found in objects.listed(api_version, kind)
        if not ready(found)
    )

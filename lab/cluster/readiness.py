"""Waits until what the program deployed runs: `make lab` proves nothing on pods that are still starting."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from lab.cluster.helm import daemon_set_available, deployment_available
from lab.cluster.objects import Document, Objects
from lab.errors import LabError

_POLL_SECONDS = 0.3
# Ends of a pod that a Deployment has replaced; they are somebody's history and wait for nothing.
_ENDED = ("Succeeded", "Failed")


def await_workloads(objects: Objects, show: Callable[[str], None], *, seconds: float = 240.0) -> None:
    """Until every Deployment and DaemonSet of the cluster is available.

    Raises LabError that says which pods are not, and why.
    """
    deadline = time.monotonic() + seconds
    while waiting := tuple(_unavailable(objects)):
        show(f"waiting for {', '.join(waiting)}")
        if time.monotonic() > deadline:
            reasons = "; ".join(reason for pod in objects.listed("v1", "Pod") if (reason := not_ready(pod)))
            raise LabError(f"not running after {seconds:.0f} s: {', '.join(waiting)}: {reasons or 'no pod says why'}")
        time.sleep(_POLL_SECONDS)


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


def _unavailable(objects: Objects) -> Iterator[str]:
    for kind, available in (("Deployment", deployment_available), ("DaemonSet", daemon_set_available)):
        for found in objects.listed("apps/v1", kind):
            if not available(found):
                yield f"{found['metadata']['namespace']}/{found['metadata']['name']}"

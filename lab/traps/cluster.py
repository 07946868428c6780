"""The running lab as the measurements use it: documents in and out, curl in a pod, the caller's audit log."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.cluster.control_plane import ControlPlane
from lab.cluster.objects import Key, Objects
from lab.errors import LabError
from lab.traps.documents import NAMESPACE
from lab.waiting import until
from manifests.document import Document

_PATIENCE_SECONDS = 90.0
_COMMAND_SECONDS = 60.0
# What an object has that the API server did not give it.
_METADATA = ("name", "namespace", "labels", "annotations")


@dataclass(kw_only=True)
class Scratch:
    """Made for one measurement; `close` removes what it applied, the last first."""

    plane: ControlPlane
    revision: str
    """Of the control plane that the mesh is configured by."""
    _objects: Objects = field(init=False)
    _made: list[Key] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Not the engine's own name: it removes whatever it finds under that and does not know.
        self._objects = Objects(api=self.plane.api, field_manager="lab-traps")

    def apply(self, *documents: Document) -> None:
        for document in documents:
            key = Key.of(document)
            if key not in self._made:
                self._made.append(key)
            self._objects.apply(document)

    def get(self, key: Key) -> Document:
        """An object of the lab's own. Raises LabError if it is not there."""
        found = self._objects.get(key)
        if found is None:
            raise LabError(f"the lab has no {key}, so the traps cannot be measured: make lab puts it back")
        return found

    def remove(self, key: Key) -> None:
        self._objects.delete(key)

    def restore(self, document: Document) -> None:
        """Puts back something of the lab's own that `remove` took away, as `get` gave it, in the engine's name."""
        kept = {name: document["metadata"][name] for name in _METADATA if name in document["metadata"]}
        engine = Objects(api=self.plane.api)
        try:
            engine.apply({**document, "metadata": kept})
        finally:
            engine.close()

    def close(self) -> None:
        """Removes everything and waits until the namespace is gone."""
        try:
            for key in reversed(self._made):
                self._objects.delete(key)
            gone = Key.of({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
            await_it("the end of the measurements' namespace", lambda: self._objects.get(gone) is None)
        finally:
            self._objects.close()

    def in_pod(self, pod: str, *command: str) -> str:
        """What a command in the main container of a pod of the namespace prints; its exit code is not looked at."""
        return self.run("kubectl", "exec", "-n", NAMESPACE, pod, "-c", "main", "--", *command, check=False)

    def run(self, program: str, *arguments: str, check: bool = True) -> str:
        """The output of one of the toolchain's programs, with the lab's kubeconfig. Raises LabError."""
        finished = subprocess.run(
            [self.plane.toolchain.bin(program), *arguments],
            env={**os.environ, **self.plane.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_SECONDS,
        )
        if check and finished.returncode != 0:
            raise LabError(f"{program} {' '.join(arguments[:3])} …: {finished.stderr.strip()}")
        return finished.stdout

    def cluster_of(self, pod: str, host: str) -> dict[str, Any]:
        """How the proxy of a pod is told to reach a host; empty while it knows nothing of it."""
        arguments = ("proxy-config", "cluster", f"{pod}.{NAMESPACE}", "--fqdn", host, "--output", "json")
        found = json.loads(self.run("istioctl", *arguments, check=False) or "[]")
        return next((one for one in found if one.get("name", "").startswith("outbound|")), {})

    def audit(self, pod: str, *, since_seconds: int) -> list[dict[str, Any]]:
        """The audit lines of a pod's sidecar."""
        since = f"--since={since_seconds}s"
        text = self.run("kubectl", "logs", "-n", NAMESPACE, pod, "-c", "istio-proxy", since)
        return [json.loads(line) for line in text.splitlines() if line.startswith("{") and '"response_flags"' in line]

    def wait_running(self, pods: Sequence[str]) -> None:
        condition = ["wait", "--for=condition=Ready", "-n", NAMESPACE, "--timeout=50s"]
        self.run("kubectl", *condition, *(f"pod/{pod}" for pod in pods))

    def address_of(self, pod: str, namespace: str = NAMESPACE) -> str:
        return self.run("kubectl", "get", "pod", pod, "-n", namespace, "-o", "jsonpath={.status.podIP}")


def await_it(what: str, holds: Callable[[], bool], *, seconds: float = _PATIENCE_SECONDS) -> None:
    """As `until`, but asks twice a second: each question starts a program."""
    until(holds, seconds=seconds, pause=0.5, what=what)

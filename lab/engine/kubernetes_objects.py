"""Kubernetes objects, applied server-side to the lab's API server; patches of what somebody else made included."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from typing import Any

from lab.cluster.helm import deployment_available
from lab.cluster.objects import Document, Key, Objects
from lab.engine.balanced import Awaited, is_balanced
from lab.engine.maker import Inputs, Made
from lab.engine.records import Records
from lab.errors import LabError
from lab.waiting import until
from offline.registration import Registration

_ROLLOUT_SECONDS = 300.0
_ROLLOUT_PAUSE_SECONDS = 0.3


class KubernetesObjects:
    """A `Maker`.

    await_balancer: waits until the load balancer of a live object is played; raises LabError
    patience: seconds that what is removed may take to be gone
    turn: held by the caller; others have it while a Deployment rolls
    cancelled: once set, nothing is waited for any more
    """

    def __init__(
        self,
        objects: Objects,
        records: Records,
        await_balancer: Callable[[Document], object],
        patience: float,
        turn: threading.Lock,
        cancelled: threading.Event,
    ) -> None:
        self._objects, self._records, self._await_balancer = objects, records, await_balancer
        self._patience, self._turn, self._cancelled = patience, turn, cancelled

    def make(self, registration: Registration, inputs: Inputs) -> Made:
        if not (inputs.get("metadata") or {}).get("name"):
            raise LabError("the object has no metadata.name: the lab makes no names up")
        key = Key.of(inputs)
        patch = registration.type.endswith("Patch")
        if registration.urn not in self._records.objects:
            self._require_new(key, patch=patch)
        # Written down first: if this process dies in between, the next run still knows that the object is ours.
        self._records.note_object(registration.urn, key, patch=patch)
        awaited = None
        if is_balanced(inputs):
            # One whose end waited for its controller is gone before it is made again.
            if ((self._objects.get(key) or {}).get("metadata") or {}).get("deletionTimestamp"):
                self._await_gone(key)
            awaited = Awaited.of(self._objects, key)
        change, document = self._objects.apply(inputs)
        if awaited is not None:
            document = awaited.made()
            self._await_balancer(document)
        if key.kind == "Deployment" and change == "updated":
            self._await_rollout(key)
        id_ = f"{key.namespace}/{key.name}" if key.namespace else key.name
        return Made(change=change, id=id_, outputs=_outputs(document))

    def remove_others(self, wanted: Collection[str]) -> Iterator[tuple[str, str]]:
        for urn in [urn for urn in reversed(self._records.objects) if urn not in wanted]:
            self.remove(urn)
            yield urn, urn.split("::")[2].rsplit("$", 1)[-1]

    def remove(self, urn: str) -> bool:
        record = self._records.objects.get(urn)
        if record is None:
            return False
        self._take_back(Key(**record["key"]), patch=record["patch"])
        del self._records.objects[urn]
        self._records.save()
        return True

    def _require_new(self, key: Key, *, patch: bool) -> None:
        existing = self._objects.get(key)
        if patch and existing is None:
            raise LabError(f"{key} does not exist, and a patch does not make it")
        if not patch and existing is not None:
            # As pulumi-kubernetes does since 4.29: what somebody else made is not quietly taken over.
            raise LabError(f"{key} exists already and is not this stack's (AlreadyExists)")

    def _take_back(self, key: Key, *, patch: bool) -> None:
        if not patch:
            self._objects.delete(key)
            self._await_gone(key)
        elif self._objects.get(key) is not None:
            # An apply that names no field gives back all that were ours.
            self._objects.apply({"apiVersion": key.api_version, "kind": key.kind, "metadata": {"name": key.name}})

    def _await_rollout(self, key: Key) -> None:
        """Until its new pods serve and its old ones are told to go, as the Kubernetes provider waits: what depends on
        it is changed only then. For new Deployments the lab waits at its end, all at once; nobody relies on them yet.
        """

        def rolled_out() -> bool:
            if self._cancelled.is_set():
                raise LabError("interrupted")
            with self._turn:
                found = self._objects.get(key)
            return found is None or deployment_available(found)

        self._turn.release()
        try:
            until(rolled_out, seconds=_ROLLOUT_SECONDS, pause=_ROLLOUT_PAUSE_SECONDS, what=f"the rollout of {key}")
        finally:
            self._turn.acquire()

    def _await_gone(self, key: Key) -> None:
        """A Namespace takes all it holds with it, and a finalizer may have to be answered first."""

        def left() -> str:
            metadata = (self._objects.get(key) or {"metadata": {}})["metadata"]
            return f"it waits for {', '.join(metadata.get('finalizers', ())) or 'what it holds'}"

        until(lambda: self._objects.get(key) is None, seconds=self._patience, what=f"the end of {key}", seen=left)


def _outputs(document: Document) -> dict[str, Any]:
    """What the provider gives out: the live object, less the bookkeeping of its fields; a Secret's data as secrets."""
    metadata = {key: value for key, value in document["metadata"].items() if key != "managedFields"}
    outputs: dict[str, Any] = {"metadata": metadata}
    for key in ("spec", "status"):
        if key in document:
            outputs[key] = document[key]
    return outputs

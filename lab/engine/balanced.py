"""Waiting for a load balancer: as the Kubernetes provider does, and for what the controller says in its Events.

The provider waits for a host name in the status alone, ten minutes long. A controller that refuses says so at once, in
an Event on the object: the lab ends with that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.cluster.objects import Document, Key, Objects, UnknownKind
from lab.errors import LabError
from lab.load_balancer.report import source_of
from lab.waiting import until

_SECONDS = 180.0
# What fails now may hold when the controller, which tries again by itself, has done so a few times.
_PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 0.5
_BINDING = "TargetGroupBinding"
# Bindings last: the controller makes them of the others.
_HOLDERS = (("networking.k8s.io/v1", "Ingress"), ("v1", "Service"), ("elbv2.k8s.aws/v1beta1", _BINDING))


def is_balanced(document: Mapping[str, Any]) -> bool:
    """Whether a load balancer is made for it, which the provider waits for."""
    if document["kind"] == "Service":
        return (document.get("spec") or {}).get("type") == "LoadBalancer"
    return document["kind"] == "Ingress"


def forget(objects: Objects) -> None:
    """Removes all that has a load balancer in an account that was made anew: its controller would look for it there.

    The program makes its own again. On AWS an account does not vanish. Raises Refused.
    """
    for api_version, kind in _HOLDERS:
        try:
            found = [{"apiVersion": api_version, "kind": kind, **item} for item in objects.listed(api_version, kind)]
        except UnknownKind:
            continue
        for document in found:
            if kind == _BINDING or is_balanced(document):
                objects.abandon(Key.of(document))


@dataclass(frozen=True, kw_only=True)
class Word:
    """What a controller last said of an object. version: grows with each Event."""

    version: int = 0
    warning: bool = False
    text: str = ""


@dataclass(kw_only=True)
class Awaited:
    """One object and its controller, from before a change of it. asked: its annotations and spec."""

    objects: Objects
    key: Key
    before: Word
    asked: tuple[Any, Any]

    @classmethod
    def of(cls, objects: Objects, key: Key) -> Awaited:
        """To be made before the object is applied."""
        return cls(objects=objects, key=key, before=_word(objects, key), asked=_asked(objects.get(key)))

    def made(self) -> Document:
        """The object once it has its load balancer, and its controller has acted on the change.

        Raises LabError with the controller's own words if it refuses.
        """
        refused_for = 0.0

        def balanced() -> Document | None:
            nonlocal refused_for
            document = self.objects.get(self.key)
            word = _word(self.objects, self.key)
            # A controller looks at nothing else of an object, and says nothing of a change elsewhere.
            news = word.version > self.before.version or _asked(document) == self.asked
            if news and word.warning:
                refused_for += _PAUSE_SECONDS
                if refused_for >= _PATIENCE_SECONDS:
                    raise LabError(f"the AWS Load Balancer Controller refused {source_of(document or {})}: {word.text}")
                return None
            return document if document is not None and news and _hosts(document) else None

        return until(
            balanced,
            seconds=_SECONDS,
            pause=_PAUSE_SECONDS,
            what=f"the load balancer of {self.key.kind} {self.key.namespace}/{self.key.name}",
            seen=lambda: _word(self.objects, self.key).text or "its controller said nothing",
        )


def _asked(document: Mapping[str, Any] | None) -> tuple[Any, Any]:
    found = document or {}
    return (found.get("metadata") or {}).get("annotations"), found.get("spec")


def _word(objects: Objects, key: Key) -> Word:
    words = [
        Word(
            version=int(event["metadata"]["resourceVersion"]),
            warning=event.get("type") == "Warning",
            text=f"{event.get('reason')}: {event.get('message')}",
        )
        for event in objects.listed("v1", "Event", namespace=key.namespace)
        if (event["involvedObject"].get("kind"), event["involvedObject"].get("name")) == (key.kind, key.name)
    ]
    return max(words, key=lambda word: word.version, default=Word())


def _hosts(document: Mapping[str, Any]) -> list[str]:
    balancer = (document.get("status") or {}).get("loadBalancer") or {}
    return [entry["hostname"] for entry in balancer.get("ingress") or () if entry.get("hostname")]

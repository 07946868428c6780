"""What the engine asks of the maker of each provider."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from offline.registration import Registration

Inputs = dict[str, Any]
"""A resource's inputs, camelCase as Pulumi sends them, secrets revealed."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """A resource that is as the program says. change: created, updated, unchanged, recorded; empty for a provider."""

    change: str
    id: str
    outputs: dict[str, Any]


class Maker(Protocol):
    """Makes the resources of one provider. Its methods raise LabError, Refused, UnknownKind or AccountOutdated."""

    def make(self, registration: Registration, inputs: Inputs) -> Made:
        """The resource as it is after this call."""
        ...

    def remove_others(self, wanted: Collection[str]) -> Iterator[tuple[str, str]]:
        """Removes what earlier runs made and is not in `wanted` (URNs), last made first: URN and type of each."""
        ...

    def remove(self, urn: str) -> bool:
        """Removes one resource, and waits until it is gone; False if there is no such thing here."""
        ...

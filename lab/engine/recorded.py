"""What has no counterpart in the lab: recorded, with the outputs that the offline plan would make up."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from lab.engine.maker import Inputs, Made
from offline.made_up import MadeUpOutputs
from offline.registration import Registration


class Recorded:
    """A `Maker`. providers: URN -> the inputs of those registered so far."""

    def __init__(self, made_up: MadeUpOutputs) -> None:
        self.providers: dict[str, Inputs] = {}
        self._made_up = made_up

    def make(self, registration: Registration, inputs: Inputs) -> Made:
        self.providers[registration.urn] = inputs
        id_, outputs = self._made_up.create(registration)
        return Made(change="", id=id_, outputs=outputs)

    def remove_others(self, wanted: Collection[str]) -> Iterator[tuple[str, str]]:
        return iter(())

    def remove(self, urn: str) -> bool:
        return False

"""A whole plan as the rules see it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, TypeVar

from configuration.kinds.policy_suppressions import PolicySuppression
from configuration.settings import Settings
from policy.resources import Resource
from policy.rule import STACK
from policy.unknowns import UnknownValue

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, eq=False)
class Stack:
    """known_settings: None where they cannot be read. today: by which suppressions expire.

    previous: the plan of what stands, key -> inputs, or None if there is none to compare with; planned: the same of
    this plan, as offline as that one.
    idle: the suppressions that suppressed nothing, once all else is judged.
    """

    name: str
    known_settings: Settings | None
    resources: tuple[Resource, ...]
    today: date
    previous: Mapping[str, Mapping[str, Any]] | None = None
    planned: Mapping[str, Mapping[str, Any]] | None = None
    idle: tuple[PolicySuppression, ...] = ()

    @property
    def settings(self) -> Settings:
        """Raises `UnknownValue` where they cannot be read."""
        if self.known_settings is None:
            raise UnknownValue("(the stack's settings)")
        return self.known_settings

    @property
    def production(self) -> bool:
        """Whether what is lost here is lost for customers."""
        return self.settings.environment.startswith("prod")

    def of(self, *about: str) -> Iterator[Resource]:
        """The resources of these kinds and types, in the order of the plan. `STACK`: one that stands for all."""
        for name in about:
            if name == STACK:
                yield self.itself
            else:
                yield from self._by_name.get(name, ())

    @cached_property
    def itself(self) -> Resource:
        return Resource(urn="", type=STACK, name=self.name, inputs={})

    @cached_property
    def _by_name(self) -> Mapping[str, tuple[Resource, ...]]:
        found: dict[str, list[Resource]] = {}
        for resource in self.resources:
            found.setdefault(resource.type, []).append(resource)
            if resource.kind:
                found.setdefault(resource.kind, []).append(resource)
        return {name: tuple(resources) for name, resources in found.items()}

    def inside(self, kind: str, namespace: str) -> tuple[Resource, ...]:
        """The objects of a kind in a namespace."""
        return self.memo(("inside", kind), lambda: self._by_namespace(kind)).get(namespace, ())

    def _by_namespace(self, kind: str) -> dict[str, tuple[Resource, ...]]:
        found: dict[str, list[Resource]] = {}
        for resource in self.of(kind):
            found.setdefault(resource.namespace, []).append(resource)
        return {namespace: tuple(resources) for namespace, resources in found.items()}

    def memo(self, key: Hashable, build: Callable[[], _T]) -> _T:
        """What a rule looks up again and again, built once: a plan may have a thousand applications."""
        if key not in self._memory:
            self._memory[key] = build()
        return self._memory[key]

    @cached_property
    def _memory(self) -> dict[Hashable, Any]:
        return {}

    def comes_after(self, later: Resource, earlier: Resource) -> bool:
        """Whether the engine makes one only when the other is there, however many stand between."""
        positions, ancestors = self._order
        return bool(ancestors.get(later.urn, 0) >> positions[earlier.urn] & 1)

    @cached_property
    def _order(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """URN -> its bit, and URN -> the bits of all it waits for."""
        positions = {resource.urn: position for position, resource in enumerate(self.resources)}
        direct = {resource.urn: [urn for urn in resource.depends_on if urn in positions] for resource in self.resources}
        ancestors: dict[str, int] = {}
        begun: set[str] = set()  # against a circle, which no engine would take either
        waiting = [resource.urn for resource in self.resources]
        while waiting:
            urn = waiting[-1]
            begun.add(urn)
            if pending := [other for other in direct[urn] if other not in begun]:
                waiting += pending
                continue
            waiting.pop()
            bits = 0
            for other in direct[urn]:
                bits |= ancestors.get(other, 0) | 1 << positions[other]
            ancestors[urn] = bits
        return positions, ancestors


def chart_of(release: Resource) -> str:
    """`istiod`, also where the chart is named by an OCI location."""
    return str(release.at("chart") or "").rstrip("/").rpartition("/")[2]

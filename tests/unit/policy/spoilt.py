"""The plan of a stack, recorded once, with one thing changed."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from changes.comparison import key_of
from configuration.kinds.policy_suppressions import PolicySuppression
from configuration.settings import Settings
from offline.registration import Registration
from offline.values import masked
from policy.resources import of_registration
from policy.stack import Stack
from tests.contract.stack_plans import plan_of

TODAY = date(2026, 11, 21)
Step = str | int


class Spoilt:
    """Names are logical ones (`payments/ledger`) or, where a type has one resource only, left out."""

    def __init__(self, stack: str = "prod", registrations: tuple[Registration, ...] | None = None) -> None:
        plan = plan_of(stack)
        assert plan.settings is not None
        self.name = stack
        self.settings: Settings = plan.settings
        self.registrations = list(registrations or plan.run.registrations)
        self.previous: Mapping[str, Mapping[str, Any]] | None = None
        self.changed: set[str] = set()

    def find(self, kind: str, name: str | None = None) -> Registration:
        found = [
            one
            for one in self.registrations
            if (one.type == kind or one.type.rpartition(":")[2] == kind) and name in (None, one.name)
        ]
        assert len(found) == 1, f"{len(found)} {kind} {name}: {[one.name for one in found]}"
        return found[0]

    def put(self, kind: str, name: str | None, *path_and_value: Any) -> None:
        """Sets the value at a path of keys and positions in a resource's inputs; None takes it away."""
        *path, value = path_and_value
        one = self.find(kind, name)
        inputs = copy.deepcopy(one.inputs)
        put(inputs, tuple(path), value)
        self.replace(one, inputs=inputs)

    def put_json(self, kind: str, name: str | None, key: str, *path_and_value: Any) -> None:
        """The same inside an input that is a JSON text."""
        *path, value = path_and_value
        document = json.loads(self.find(kind, name).inputs[key])
        put(document, tuple(path), value)
        self.put(kind, name, key, json.dumps(document))

    def edit(self, kind: str, name: str | None, *path: Step, by: Callable[[Any], Any]) -> None:
        value: Any = self.find(kind, name).inputs
        for step in path:
            value = value[step]
        self.put(kind, name, *path, by(copy.deepcopy(value)))

    def replace(self, one: Registration, **fields: Any) -> None:
        position = self.registrations.index(one)
        self.registrations[position] = dataclasses.replace(one, **fields)
        self.changed.add(one.urn)

    def option(self, kind: str, name: str | None, **fields: Any) -> None:
        self.replace(self.find(kind, name), **fields)

    def drop(self, kind: str, name: str | None = None) -> None:
        self.registrations.remove(self.find(kind, name))

    def without_order(self, kind: str, name: str | None = None) -> None:
        """It waits for its provider only."""
        self.option(kind, name, depends_on=(), property_dependencies={})

    def add(self, like: tuple[str, str | None], name: str, *changes: tuple[Any, ...]) -> None:
        """One more resource, like another but for its name and a few values."""
        one = self.find(*like)
        inputs = copy.deepcopy(one.inputs)
        for *path, value in changes:
            put(inputs, tuple(path), value)
        self.registrations.append(
            dataclasses.replace(one, urn=f"{one.urn.rpartition('::')[0]}::{name}", name=name, inputs=inputs)
        )
        self.changed.add(self.registrations[-1].urn)

    def set(self, **settings: Any) -> None:
        """Other settings beside the same documents."""
        self.settings = dataclasses.replace(self.settings, **settings)

    def suppress(self, *suppressions: PolicySuppression) -> None:
        self.set(policy_suppressions=suppressions)

    def keep_as_previous(self) -> None:
        """What has been recorded so far is what stands."""
        self.previous = {key_of(one.urn): masked(one.inputs) for one in self.registrations}

    def stack(self) -> Stack:
        return Stack(
            name=self.name,
            known_settings=self.settings,
            resources=tuple(map(of_registration, self.registrations)),
            today=TODAY,
            previous=self.previous,
            planned={key_of(one.urn): masked(one.inputs) for one in self.registrations},
        )


def put(target: Any, path: tuple[Step, ...], value: Any) -> None:
    *steps, last = path
    for step in steps:
        target = target.setdefault(step, {}) if isinstance(target, dict) else target[step]
    if value is None:
        del target[last]
    elif isinstance(target, list) and last == len(target):
        target.append(value)
    else:
        target[last] = value

"""Runs a component under the product's mock runtime and the strict engine, and shows what it registered.

    recording = run(lambda: Network("network", NetworkArgs(…)), preview=True)
    recording["aws:ec2/vpc:Vpc::vpc"].inputs          # one registration, by its key `<type>::<logical name>`
    recording.of_type("aws:ec2/subnet:Subnet")        # {logical name: registration}

Registrations and calls are those of `offline.registration`, with each URN in them shortened to a key, each provider to
its logical name, and the stack to "".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pulumi

from offline.registration import Call, Registration
from offline.run import ProgramRun, run_callable
from offline.values import UNKNOWN
from tests import ROOT
from tests.unit.components.resource_outputs import Answer, CallAnswer
from tests.unit.components.strict_engine import NotMocked, StrictEngine


class ProgramFailed(Exception):
    """The program did not end well; the message is `offline`'s."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What one program registered.

    resources, calls:  in the order of the program
    returned:          what the program returned, Outputs resolved; `Secret` and `UNKNOWN` inside
    component_outputs: key of a component -> what it handed to `register_outputs`
    """

    resources: tuple[Registration, ...]
    calls: tuple[Call, ...]
    returned: Mapping[str, Any]
    component_outputs: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, ended: ProgramRun) -> Recording:
        return cls(
            resources=tuple(map(_shortened, ended.registrations)),
            calls=tuple(replace(call, provider=_logical_name(call.provider)) for call in ended.calls),
            returned=ended.outputs,
            component_outputs={key_of(urn): outputs for urn, outputs in ended.component_outputs.items()},
        )

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(resource.urn for resource in self.resources)

    def __getitem__(self, key: str) -> Registration:
        for resource in self.resources:
            if resource.urn == key:
                return resource
        raise KeyError(f"{key} was not registered; there are: {', '.join(self.keys)}")

    def of_type(self, type_: str) -> dict[str, Registration]:
        """The registrations of exactly this type, by logical name."""
        return {resource.name: resource for resource in self.resources if resource.type == type_}

    def children(self, key: str) -> tuple[str, ...]:
        """The keys of the direct children of a resource."""
        return tuple(resource.urn for resource in self.resources if resource.parent == key)

    def needs(self, key: str) -> frozenset[str]:
        """Everything that must exist before the resource, directly or not (what a destroy takes away after it)."""
        found: set[str] = set()
        waiting = [key]
        while waiting:
            new = set(self[waiting.pop()].depends_on) - found
            found |= new
            waiting += new
        return frozenset(found)


def run(
    program: Callable[[], Mapping[str, Any] | None],
    *,
    preview: bool,
    resources: Mapping[str, Answer] | None = None,
    calls: Mapping[str, CallAnswer] | None = None,
) -> Recording:
    """Runs a program to its end; resources and calls are `StrictEngine`'s.

    Raises `NotMocked`, `ProgramFailed` with the first error there was, and `AssertionError` for a URN that was
    registered twice.
    """
    engine = StrictEngine(preview=preview, resources=resources, calls=calls)

    def exporting() -> None:
        for name, value in (program() or {}).items():
            pulumi.export(name, value)

    ended = run_callable(exporting, directory=ROOT, stack="test", config={}, engine=engine, preview=preview, timeout=60)
    if engine.refused:
        raise NotMocked("; ".join(engine.refused))
    if ended.error is not None:
        raise ProgramFailed(ended.error.message)
    twice = [urn for urn, count in Counter(item.urn for item in ended.registrations).items() if count > 1]
    assert not twice, f"registered twice: {', '.join(twice)}"
    return Recording.of(ended)


def key_of(urn: str) -> str:
    """`urn:pulumi:stack::project::parent$type::name` -> `type::name`; "" for the stack and for nothing."""
    if not urn:
        return ""
    _, _, types, name = urn.split("::", 3)
    type_ = types.rpartition("$")[2]
    return "" if type_ == "pulumi:pulumi:Stack" else f"{type_}::{name}"


def known(value: str, preview: bool) -> Any:
    """What an update knows, and a preview does not."""
    return UNKNOWN if preview else value


def _shortened(registration: Registration) -> Registration:
    return replace(
        registration,
        urn=key_of(registration.urn),
        parent=key_of(registration.parent),
        provider=_logical_name(registration.provider),
        providers={package: _logical_name(provider) for package, provider in registration.providers.items()},
        depends_on=_keys(registration.depends_on),
        property_dependencies={name: _keys(urns) for name, urns in registration.property_dependencies.items()},
        deleted_with=key_of(registration.deleted_with),
    )


def _keys(urns: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(map(key_of, urns))))


def _logical_name(provider: str) -> str:
    """`urn:…::name::id` -> `name`; "" is the default provider."""
    return provider.split("::")[3] if provider else ""

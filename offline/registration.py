"""What a program asks for, resources and calls of provider functions, and what an engine has to do with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One resource as the program asked for it.

    urn, parent: with the chain of types the real engine uses, `urn:pulumi:dev::zero-trust-mesh::a$b::name`
    provider:    `<URN>::<id>` of an explicit provider, "" for the default one
    providers:   of a remote component: package -> the provider it is handed, written like `provider`
    depends_on:  URNs, sorted; what the program named and what it follows from the inputs
    property_dependencies: input -> URNs, sorted
    inputs:      plain Python; `Secret` where a value is secret, `UNKNOWN` where a preview does not know it
    custom:      a provider makes it; False is a component of this program, or a remote one
    remote:      a component that a provider plugin implements, such as `eks:index:Cluster`
    read_id:     set if the program only reads an existing resource of this id; `import_id` if it adopts it
    aliases:     URNs, or `name=…,type=…,parent=…` where only a part of the URN was another
    custom_timeouts: e.g. `{"delete": "20m"}`
    transforms:  names of the functions that the real engine would call for it and for all below it. Nothing calls them
                 here: what a remote component is made of exists under the real engine only
    """

    urn: str
    type: str
    name: str
    parent: str
    provider: str
    depends_on: tuple[str, ...]
    property_dependencies: Mapping[str, tuple[str, ...]]
    inputs: dict[str, Any]
    custom: bool
    remote: bool = False
    protect: bool = False
    providers: Mapping[str, str] = field(default_factory=dict)
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    deleted_with: str = ""
    retain_on_delete: bool = False
    aliases: tuple[str, ...] = ()
    custom_timeouts: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    delete_before_replace: bool = False
    additional_secret_outputs: tuple[str, ...] = ()
    read_id: str = ""
    import_id: str = ""
    transforms: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a provider function, such as `aws:index/getCallerIdentity:getCallerIdentity`.

    provider: as a `Registration`'s
    """

    token: str
    arguments: dict[str, Any]
    provider: str


class Engine(Protocol):
    """What becomes of each resource, and the answer to each provider call."""

    def create(self, registration: Registration) -> tuple[str, dict[str, Any]]:
        """Called for each custom resource (providers too) and each remote component, once all it depends on exists.

        Returns its id and its outputs; an input that is not among the outputs counts as one. Outputs may hold
        `Secret`. Raises `EngineError` if it cannot be made: the program ends there.
        """
        ...

    def call(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        """The result of a provider function, e.g. `aws:index/getCallerIdentity:getCallerIdentity`."""
        ...


class EngineError(Exception):
    """An engine could not make a resource or answer a call."""

"""Pulumi's mock runtime as the unit tests use it: it records what a program registers, and refuses the unforeseen.

    recording = run(lambda: Network("network", NetworkArgs(…)), preview=True)
    recording["aws:ec2/vpc:Vpc::vpc"].inputs          # one registration, by its key `<type>::<logical name>`
    recording.of_type("aws:ec2/subnet:Subnet")        # {logical name: registration}
    recording.keys                                     # every key, in registration order
    recording.calls                                    # every provider function called
    recording.returned                                 # what the program returned, its Outputs resolved

Resources that need nothing of each other are registered concurrently: compare keys as sets, or sorted.

A program may return an Output, or a dict or list that contains Outputs. `preview=True` is faithful: ids and computed
outputs are unknown, so what the program decides on an Output fails or shows as `UNKNOWN`. `preview=False` answers
from the table below (`resource_outputs.py`), to which a test adds its own by `resources` and `calls`. A type or a
function that nobody mocked, and a URN registered twice, raise.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.runtime import mocks as pulumi_mocks
from pulumi.runtime import rpc

from tests.unit.components.resource_outputs import CALLS, RESOURCES

os.environ["PULUMI_ERROR_OUTPUT_STRING"] = "true"

PROJECT = "zero-trust-mesh"
STACK = "test"
UNKNOWN = "<unknown>"
"""Stands in recorded inputs for a value that the engine does not know yet."""

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Inputs (of a resource, or the arguments of a call) -> what the provider would answer; `id` sets the id.

A resource's inputs come with its logical name under `__logical_name`."""


class NotMocked(Exception):
    """The program used a resource type or a provider function that no test foresaw."""


@dataclass(frozen=True)
class Secret:
    """A recorded value that was marked as a secret."""

    value: Any


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One resource as the engine would see it. Other resources are named by key, `<type>::<logical name>`."""

    type: str
    name: str
    inputs: dict[str, Any]
    """As sent, camelCase; `Secret(…)` and `UNKNOWN` inside; whole numbers as int."""
    parent: str | None
    depends_on: tuple[str, ...]
    """Sorted. Whatever must exist first: by `depends_on` or because an input comes from it."""
    property_depends_on: dict[str, tuple[str, ...]]
    """input -> the resources it comes from."""
    provider: str | None
    """The logical name of its explicit provider; None is the default one."""
    providers: dict[str, str] = field(default_factory=dict)
    """Of a remote component: package -> logical name of the provider it was handed."""
    protect: bool = False
    deleted_with: str | None = None
    retain_on_delete: bool = False
    delete_before_replace: bool = False
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    timeouts: dict[str, str] = field(default_factory=dict)
    """`create`, `update`, `delete` -> e.g. `20m`."""
    custom: bool = True
    remote: bool = False
    registered_outputs: dict[str, Any] = field(default_factory=dict)
    """Of a component: what it handed to `register_outputs`."""

    @property
    def key(self) -> str:
        return f"{self.type}::{self.name}"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a provider function."""

    token: str
    arguments: dict[str, Any]
    provider: str | None


@dataclass(frozen=True, kw_only=True)
class Recording:
    resources: tuple[Registration, ...]
    calls: tuple[Call, ...]
    returned: Any

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(resource.key for resource in self.resources)

    def __getitem__(self, key: str) -> Registration:
        for resource in self.resources:
            if resource.key == key:
                return resource
        raise KeyError(f"{key} was not registered; there are: {', '.join(self.keys)}")

    def of_type(self, type_: str) -> dict[str, Registration]:
        """The registrations of exactly this type, by logical name."""
        return {resource.name: resource for resource in self.resources if resource.type == type_}

    def children(self, key: str) -> tuple[str, ...]:
        """The keys of the direct children of a resource, in registration order."""
        return tuple(resource.key for resource in self.resources if resource.parent == key)

    def needs(self, key: str) -> frozenset[str]:
        """Everything that must exist before the resource, directly or not (what a destroy takes away after it)."""
        found: set[str] = set()
        waiting = [key]
        while waiting:
            resource = self[waiting.pop()]
            new = set(resource.depends_on) - found
            found |= new
            waiting += new
        return frozenset(found)


def run(
    program: Callable[[], Any],
    *,
    preview: bool,
    resources: Mapping[str, Answer] | None = None,
    calls: Mapping[str, Answer] | None = None,
) -> Recording:
    """Runs a program to its end and returns what it registered.

    resources, calls: additional answers, by type token (`aws:ec2/vpc:Vpc`) or function token
    (`aws:ec2/getVpc:getVpc`). Raises what the program raises, and `NotMocked`.
    """
    mocks = _Mocks(preview, {**RESOURCES, **(resources or {})}, {**CALLS, **(calls or {})})
    monitor = _RecordingMonitor(mocks)
    pulumi.runtime.set_mocks(mocks, project=PROJECT, stack=STACK, preview=preview, monitor=monitor)
    returned: list[Any] = []

    @pulumi.runtime.test
    def body() -> Any:
        async def resolve(output: pulumi.Output[Any]) -> None:
            returned.append(_readable(await output.future(with_unknowns=True)))

        return resolve(pulumi.Output.from_input(program()))

    try:
        body()
    finally:
        if mocks.refused:
            # Pulumi may wrap or swallow what a monitor raises; the first cause is what a reader needs.
            raise NotMocked("; ".join(mocks.refused))
    return Recording(
        resources=tuple(monitor.registered.values()),
        calls=tuple(mocks.called),
        returned=returned[0] if returned else None,
    )


def _readable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _readable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_readable(item) for item in value]
    return UNKNOWN if rpc.contains_unknowns(value) else value


class _Mocks(pulumi_mocks.Mocks):
    def __init__(self, preview: bool, resources: Mapping[str, Answer], calls: Mapping[str, Answer]) -> None:
        self._preview = preview
        self._resources = resources
        self._calls = calls
        self.called: list[Call] = []
        self.refused: list[str] = []

    def new_resource(self, args: pulumi_mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if args.typ.startswith("mesh:"):
            return "", {}
        answer = self._resources.get(args.typ)
        if answer is None and args.typ.startswith("kubernetes:"):
            answer = _nothing_computed
        if answer is None:
            self.refused.append(f"resource type {args.typ} ({args.name}) is not mocked")
            raise NotMocked(self.refused[-1])
        if self._preview:
            return "", dict(args.inputs)  # nothing that the provider computes is known yet
        outputs = {**args.inputs, **answer({**args.inputs, "__logical_name": args.name})}
        return str(outputs.pop("id", f"{args.name}-id")), outputs

    def call(self, args: pulumi_mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        answer = self._calls.get(args.token)
        if answer is None:
            self.refused.append(f"function {args.token} is not mocked")
            raise NotMocked(self.refused[-1])
        self.called.append(Call(token=args.token, arguments=_plain(args.args), provider=_provider_name(args.provider)))
        return {**args.args, **answer(args.args)}, []


def _nothing_computed(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    return {}


class _RecordingMonitor(pulumi_mocks.MockMonitor):
    def __init__(self, mocks: pulumi_mocks.Mocks) -> None:
        super().__init__(mocks)
        self.registered: dict[str, Registration] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  (pulumi's name)
        response = super().RegisterResource(request)
        if request.type == "pulumi:pulumi:Stack":
            return response
        if response.urn in self.registered:
            raise AssertionError(f"registered twice: {response.urn}")
        self.registered[response.urn] = _registration(request)
        return response

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        raise NotMocked(f"{request.type} {request.name} is read by id: nobody foresaw that")

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        registration = self.registered.get(request.urn)
        if registration is not None:
            registration.registered_outputs.update(_from_struct(request.outputs))
        return super().RegisterResourceOutputs(request)


def _registration(request: Any) -> Registration:
    timeouts = request.customTimeouts
    return Registration(
        type=request.type,
        name=request.name,
        inputs=_from_struct(request.object),
        parent=_key(request.parent),
        depends_on=_keys(request.dependencies),
        property_depends_on={
            name: _keys(dependencies.urns)
            for name, dependencies in sorted(request.propertyDependencies.items())
            if dependencies.urns
        },
        provider=_provider_name(request.provider),
        providers={package: _provider_name(name) or "" for package, name in sorted(request.providers.items())},
        protect=bool(request.protect),
        deleted_with=_key(request.deletedWith),
        retain_on_delete=bool(request.retainOnDelete),
        delete_before_replace=bool(request.deleteBeforeReplace),
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
        timeouts={name: getattr(timeouts, name) for name in ("create", "update", "delete") if getattr(timeouts, name)},
        custom=request.custom,
        remote=request.remote,
    )


def _key(urn: str) -> str | None:
    """`urn:pulumi:stack::project::parent$type::name` -> `type::name`; None for the stack and for nothing."""
    if not urn:
        return None
    _, _, types, name = urn.split("::", 3)
    type_ = types.split("$")[-1]
    return None if type_ == "pulumi:pulumi:Stack" else f"{type_}::{name}"


def _keys(urns: Any) -> tuple[str, ...]:
    return tuple(sorted({key for urn in urns if (key := _key(urn))}))


def _provider_name(reference: str) -> str | None:
    """`urn:…::name::id` -> `name`."""
    return reference.split("::")[3] if reference else None


def _from_struct(struct: Any) -> dict[str, Any]:
    return {key: _from_value(value) for key, value in sorted(struct.fields.items())}


def _from_value(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        signature = (
            value.struct_value.fields[rpc._special_sig_key].string_value
            if (rpc._special_sig_key in value.struct_value.fields)
            else None
        )
        if signature == rpc._special_secret_sig:
            return Secret(_from_value(value.struct_value.fields["value"]))
        if signature == rpc._special_resource_sig:
            return _key(value.struct_value.fields["urn"].string_value)
        return _from_struct(value.struct_value)
    if kind == "list_value":
        return [_from_value(item) for item in value.list_value.values]
    if kind == "null_value" or kind is None:
        return None
    return _plain(getattr(value, kind))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return UNKNOWN if value == rpc.UNKNOWN else value

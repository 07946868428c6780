"""The resource monitor of the mock runtime: gets each request whole, records it, and lets an engine answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from operator import itemgetter
from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.rpc_manager import RPCManager

from offline.registration import Call, Engine, EngineError, Registration
from offline.values import references
from offline.wire import from_struct, to_struct

_STACK = "pulumi:pulumi:Stack"

_POSITION: ContextVar[int] = ContextVar("position_in_program", default=0)


class OrderedRequests(RPCManager):
    """Numbers the requests in the order in which the program makes its resources.

    The SDK sends a request when all its inputs are there, which for resources that do not depend on each other is a
    matter of chance (it goes through sets of objects). The number goes with the request by its context.
    """

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    def do_rpc(self, name: str, rpc_function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        self._count += 1
        position = self._count
        send = super().do_rpc(name, rpc_function)

        async def numbered(*args: Any, **kwargs: Any) -> Any:
            _POSITION.set(position)
            return await send(*args, **kwargs)

        return numbered


class RecordingMonitor(MockMonitor):
    """Takes the place of the engine's gRPC service; records registrations, calls, and `component_outputs` by URN."""

    def __init__(self, engine: Engine, *, stack: str, project: str) -> None:
        super().__init__(_NoMocks())
        self._engine = engine
        self._stack, self._project = stack, project
        self._registered: list[tuple[int, Registration]] = []
        self._called: list[tuple[int, Call]] = []
        self.component_outputs: dict[str, dict[str, Any]] = {}

    @property
    def registrations(self) -> tuple[Registration, ...]:
        """In the order of the program, which is one that their dependencies allow."""
        return tuple(registration for _, registration in sorted(self._registered, key=itemgetter(0)))

    @property
    def calls(self) -> tuple[Call, ...]:
        """In the order of the program."""
        return tuple(call for _, call in sorted(self._called, key=itemgetter(0)))

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        # Pulumi's own mock keeps the last type of the chain only and counts the stack in, which the engine does not.
        chain = parent.split("::")[2] if parent else ""
        qualified = type_ if chain in ("", _STACK) else f"{chain}${type_}"
        return f"urn:pulumi:{self._stack}::{self._project}::{qualified}::{name}"

    def RegisterResource(self, request: Any) -> resource_pb2.RegisterResourceResponse:  # noqa: N802 - the name is gRPC's
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == _STACK:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        registration = _registration(urn, request)
        self._registered.append((_POSITION.get(), registration))
        id_, outputs = "", dict(registration.inputs)
        if registration.custom or registration.remote:
            id_, outputs = self._create(registration)
        # Kept for `pulumi:pulumi:getResource`, by which a resource reference becomes a resource again.
        self.resources[urn] = MockMonitor.ResourceRegistration(urn, id_, outputs)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=id_, object=to_struct(outputs))

    def ReadResource(self, request: Any) -> resource_pb2.ReadResourceResponse:  # noqa: N802 - the name is gRPC's
        urn = self.make_urn(request.parent, request.type, request.name)
        registration = Registration(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            provider=request.provider,
            depends_on=tuple(sorted(request.dependencies)),
            property_dependencies={},
            inputs=from_struct(request.properties),
            custom=True,
            version=request.version,
            read_id=request.id,
        )
        self._registered.append((_POSITION.get(), registration))
        _, outputs = self._create(registration)
        self.resources[urn] = MockMonitor.ResourceRegistration(urn, request.id, outputs)
        return resource_pb2.ReadResourceResponse(urn=urn, properties=to_struct(outputs))

    def Invoke(self, request: Any) -> resource_pb2.ResourceInvokeResponse:  # noqa: N802 - the name is gRPC's
        if request.tok == "pulumi:pulumi:getResource":
            known = self.resources.get(request.args.fields["urn"].string_value)
            if known is None:
                raise EngineError(f"unknown resource {request.args.fields['urn'].string_value}")
            result = {"urn": known.urn, "id": known.id, "state": known.state}
        else:
            call = Call(token=request.tok, arguments=from_struct(request.args), provider=request.provider)
            self._called.append((_POSITION.get(), call))
            result = self._engine.call(call.token, call.arguments)
        response = resource_pb2.ResourceInvokeResponse()
        getattr(response, "return").CopyFrom(to_struct(result))  # the field's name is a keyword of Python's
        return response

    def RegisterResourceOutputs(self, request: Any) -> empty_pb2.Empty:  # noqa: N802 - the name is gRPC's
        self.component_outputs[request.urn] = from_struct(request.outputs)
        return empty_pb2.Empty()

    def _create(self, registration: Registration) -> tuple[str, dict[str, Any]]:
        try:
            id_, outputs = self._engine.create(registration)
        except EngineError as problem:
            raise EngineError(f"{registration.urn}: {problem}") from problem
        for reference in references(outputs):
            state = MockMonitor.ResourceRegistration(reference.urn, reference.id, dict(reference.state))
            self.resources[reference.urn] = state
        return id_, {**registration.inputs, **outputs}


def _registration(urn: str, request: Any) -> Registration:
    timeouts = request.customTimeouts
    return Registration(
        urn=urn,
        type=request.type,
        name=request.name,
        parent=request.parent,
        provider=request.provider,
        # The SDK hands sets over: unsorted, no two runs would be alike.
        depends_on=tuple(sorted(request.dependencies)),
        property_dependencies={
            key: tuple(sorted(request.propertyDependencies[key].urns))
            for key in sorted(request.propertyDependencies)
            if request.propertyDependencies[key].urns
        },
        inputs=from_struct(request.object),
        custom=request.custom,
        remote=request.remote,
        protect=request.protect,
        providers={package: request.providers[package] for package in sorted(request.providers)},
        ignore_changes=tuple(sorted(request.ignoreChanges)),
        replace_on_changes=tuple(sorted(request.replaceOnChanges)),
        deleted_with=request.deletedWith,
        retain_on_delete=request.retainOnDelete,
        aliases=(*request.aliasURNs, *(_alias(alias) for alias in request.aliases)),
        custom_timeouts={
            operation: getattr(timeouts, operation)
            for operation in ("create", "update", "delete")
            if getattr(timeouts, operation)
        },
        version=request.version,
        delete_before_replace=request.deleteBeforeReplace,
        additional_secret_outputs=tuple(sorted(request.additionalSecretOutputs)),
        import_id=request.importId,
        transforms=tuple(callback.token for callback in request.transforms),
    )


def _alias(alias: Any) -> str:
    if alias.urn:
        return alias.urn
    spec = alias.spec
    parts = {
        "name": spec.name,
        "type": spec.type,
        "parent": "(none)" if spec.noParent else spec.parentUrn,
        "stack": spec.stack,
        "project": spec.project,
    }
    return ",".join(f"{key}={value}" for key, value in parts.items() if value)


class _NoMocks(Mocks):
    """The base class wants mocks; the engine takes their place."""

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"unreachable: the engine answers {args.token}")

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        raise AssertionError(f"unreachable: the engine makes {args.typ}")

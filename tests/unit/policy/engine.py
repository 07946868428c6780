"""The Pulumi engine's side of CrossGuard: a plan's resources as the requests that it sends, in the SDK's own protobufs.

What it sends of a resource, and when, is read from pulumi/pulumi: `analyzeAll` and `AnalyzeResources` in
pkg/resource/deploy/step_generator.go, `marshalResourceOptions` in sdk/go/common/resource/plugin/analyzer_plugin.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2

from offline.registration import Registration
from offline.wire import to_struct
from policy.resources import provider_urn, seconds

MESSAGE_SIZE = [("grpc.max_send_message_length", 1 << 28), ("grpc.max_receive_message_length", 1 << 28)]


class Analyzer(Protocol):
    """The server, or a stub of it."""

    def Analyze(self, request: Any) -> Any: ...  # noqa: N802 - the names are gRPC's
    def AnalyzeStack(self, request: Any) -> Any: ...  # noqa: N802
    def Configure(self, request: Any) -> Any: ...  # noqa: N802
    def GetAnalyzerInfo(self, request: Any) -> Any: ...  # noqa: N802


def ask(
    analyzer: Analyzer, registrations: Iterable[Registration], *, about: set[str] | None = None, whole: bool = True
) -> list[Any]:
    """The diagnostics of one preview. about: the URNs that `Analyze` is called for; all if None.

    whole: `AnalyzeStack` is called too
    """
    registrations = list(registrations)
    by_urn = {one.urn: one for one in registrations}
    found: list[Any] = []
    for one in registrations:
        if about is None or one.urn in about:
            found += analyzer.Analyze(_request(one, by_urn)).diagnostics
    if not whole:
        return found
    resources = [_resource(one, by_urn) for one in registrations]
    found += analyzer.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=resources)).diagnostics
    return found


def only(analyzer: Analyzer, id: str) -> None:
    """Turns every policy of the pack off but one, as an organization's configuration of the pack does."""
    info = analyzer.GetAnalyzerInfo(empty_pb2.Empty())
    config = {
        one.name: analyzer_pb2.PolicyConfig(
            enforcementLevel=one.enforcementLevel if one.name == id else analyzer_pb2.DISABLED
        )
        for one in info.policies
    }
    analyzer.Configure(analyzer_pb2.ConfigureAnalyzerRequest(policyConfig=config))


def mandatory(diagnostics: Iterable[Any]) -> Iterator[Any]:
    return (one for one in diagnostics if one.enforcementLevel == analyzer_pb2.MANDATORY)


def _request(one: Registration, by_urn: dict[str, Registration]) -> Any:
    return analyzer_pb2.AnalyzeRequest(
        type=one.type,
        urn=one.urn,
        name=one.name,
        properties=to_struct(one.inputs),
        options=_options(one),
        provider=_provider(one, by_urn),
    )


_MADE: dict[int, tuple[Registration, Any]] = {}
"""What most plans share: the registration, which keeps its id its own, and its message."""


def _resource(one: Registration, by_urn: dict[str, Registration]) -> Any:
    if id(one) not in _MADE:
        _MADE[id(one)] = (one, _made(one, by_urn))
    return _MADE[id(one)][1]


def _made(one: Registration, by_urn: dict[str, Registration]) -> Any:
    return analyzer_pb2.AnalyzerResource(
        type=one.type,
        urn=one.urn,
        name=one.name,
        properties=to_struct(one.inputs),
        options=_options(one),
        provider=_provider(one, by_urn),
        parent=one.parent,
        dependencies=one.depends_on,
        propertyDependencies={
            name: analyzer_pb2.AnalyzerPropertyDependencies(urns=urns)
            for name, urns in one.property_dependencies.items()
        },
    )


def _options(one: Registration) -> Any:
    timeouts = {name: seconds(text) for name, text in one.custom_timeouts.items()}
    return analyzer_pb2.AnalyzerResourceOptions(
        protect=one.protect,
        ignoreChanges=one.ignore_changes,
        deleteBeforeReplace=one.delete_before_replace,
        additionalSecretOutputs=one.additional_secret_outputs,
        customTimeouts=analyzer_pb2.AnalyzerResourceOptions.CustomTimeouts(**timeouts) if timeouts else None,
        parent=one.parent,
    )


def _provider(one: Registration, by_urn: dict[str, Registration]) -> Any:
    provider = by_urn.get(provider_urn(one.provider))
    if provider is None:
        return None
    return analyzer_pb2.AnalyzerProviderResource(
        type=provider.type, urn=provider.urn, name=provider.name, properties=to_struct(provider.inputs)
    )

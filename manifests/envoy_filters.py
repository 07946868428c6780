"""What only Envoy's own configuration can say: headers that nobody may send, and what the gateway waits for.

Each is one patch of an EnvoyFilter in Istio's root namespace, so it holds for every proxy of the mesh. The extensions
are in Istio's proxy as in upstream Envoy (istio/proxy, bazel/extension_config/extensions_build_config.bzl).
"""

from __future__ import annotations

from typing import Any, Literal

from manifests.document import Document, document
from manifests.names import ISTIO_SYSTEM

_TYPES = "type.googleapis.com/envoy"
_CONNECTION_MANAGER = "envoy.filters.network.http_connection_manager"

# What changes a proxy's behaviour or what it says about a request. Envoy removes most of them by itself where it knows
# that a request came from outside (source/common/http/conn_manager_utility.cc, cleanInternalHeaders); a sidecar never
# knows. Not x-envoy-peer-metadata between sidecars, nor x-envoy-attempt-count, by which an application may know a
# retry.
_ENVOY_HEADERS = (
    "x-envoy-original-path",
    "x-envoy-original-host",
    "x-envoy-original-url",
    "x-envoy-decorator-operation",
    "x-envoy-downstream-service-cluster",
    "x-envoy-downstream-service-node",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-envoy-ip-tags",
    "x-envoy-force-trace",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-max-retries",
    "x-envoy-retriable-header-names",
    "x-envoy-retriable-status-codes",
    "x-envoy-retry-grpc-on",
    "x-envoy-retry-on",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-upstream-stream-duration-ms",
    # Asks for a trace, as x-envoy-force-trace does.
    "x-client-trace-id",
)

# Frameworks read these in place of the method or the path, after the mesh has compared the real ones with its policy.
_OVERRIDES = (
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-method",
    "x-original-uri",
    "x-original-url",
    "x-rewrite-url",
)

# Who the other side is, for metrics: an application's own sidecar says it anew, and nobody outside may.
_PEER_METADATA = ("x-envoy-peer-metadata", "x-envoy-peer-metadata-id")

# A trace begins at the gateway: whether it is kept, and under which id, is not for the internet to say. Inside the
# mesh these are what holds a trace together.
_TRACE_CONTEXT = (
    "b3",
    "traceparent",
    "tracestate",
    "x-b3-flags",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-spanid",
    "x-b3-traceid",
    "x-cloud-trace-context",
    "x-datadog-sampling-priority",
    "x-ot-span-context",
    "x-request-id",
)

Context = Literal["GATEWAY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND"]

REMOVED_HEADERS: dict[Context, tuple[str, ...]] = {
    "GATEWAY": (*_ENVOY_HEADERS, *_OVERRIDES, *_PEER_METADATA, *_TRACE_CONTEXT),
    "SIDECAR_INBOUND": (*_ENVOY_HEADERS, *_OVERRIDES),
    "SIDECAR_OUTBOUND": (*_ENVOY_HEADERS, *_OVERRIDES, *_PEER_METADATA),
}
"""Where a request enters a proxy -> the headers that it loses there."""

# Longer than an ALB's own idle timeout of 60 s, so that it is never the gateway that closes a connection on which the
# ALB is about to send.
_IDLE = "75s"
_HANDSHAKE = "10s"


def envoy_filters() -> tuple[Document, ...]:
    """The headers, the gateway's limits, and the name of what leaves without a declaration."""
    return (_headers(), _gateway_limits(), _names_of_blocked_egress())


def _headers() -> Document:
    return _filter("headers-nobody-may-send", [_without(context, names) for context, names in REMOVED_HEADERS.items()])


def _without(context: Context, names: tuple[str, ...]) -> dict[str, Any]:
    # Before Envoy looks at the request: a filter of the chain would come after it decided whether to trace.
    mutation = {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": {
            "@type": f"{_TYPES}.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            "mutations": [{"remove": name} for name in names],
        },
    }
    return _connection_manager(context, {"early_header_mutation_extensions": [mutation]})


def _gateway_limits() -> Document:
    """A client that begins and does not go on is let go; a header with an underscore is not what it seems to be.

    Istio gives a handshake 15 seconds, and everything after it no end.
    """
    manager = {
        "request_headers_timeout": _HANDSHAKE,
        "stream_idle_timeout": _IDLE,
        "max_request_headers_kb": 32,
        "common_http_protocol_options": {
            "idle_timeout": _IDLE,
            # Applications that read headers as variables (CGI, WSGI) take X_Real and X-Real for one.
            "headers_with_underscores_action": "REJECT_REQUEST",
            "max_headers_count": 100,
        },
    }
    return _filter(
        "gateway-limits",
        [
            _connection_manager("GATEWAY", manager),
            {
                "applyTo": "FILTER_CHAIN",
                "match": {"context": "GATEWAY"},
                "patch": {"operation": "MERGE", "value": {"transport_socket_connect_timeout": _HANDSHAKE}},
            },
            {
                "applyTo": "LISTENER",
                "match": {"context": "GATEWAY"},
                "patch": {"operation": "MERGE", "value": {"listener_filters_timeout": _HANDSHAKE}},
            },
        ],
    )


def _names_of_blocked_egress() -> Document:
    """Reads the server name of TLS that a pod sends to a host that nobody declared, so that the audit line has it.

    On port 443 only, where the client speaks first: elsewhere the sidecar would wait for a word that may not come.
    """
    # Istio asks for it by `use_original_dst`, which Envoy does last of all: until then every port is 15001.
    destination = {
        "name": "envoy.filters.listener.original_dst",
        "typed_config": {"@type": f"{_TYPES}.extensions.filters.listener.original_dst.v3.OriginalDst"},
    }
    inspector = {
        "name": "envoy.filters.listener.tls_inspector",
        "typed_config": {"@type": f"{_TYPES}.extensions.filters.listener.tls_inspector.v3.TlsInspector"},
        "filter_disabled": {"not_match": {"destination_port_range": {"start": 443, "end": 444}}},
    }
    return _filter(
        "names-of-blocked-egress",
        [
            {
                "applyTo": "LISTENER",
                "match": {"context": "SIDECAR_OUTBOUND", "listener": {"name": "virtualOutbound"}},
                "patch": {"operation": "MERGE", "value": {"listener_filters": [destination, inspector]}},
            }
        ],
    )


def _connection_manager(context: Context, value: dict[str, Any]) -> dict[str, Any]:
    type_url = f"{_TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    return {
        "applyTo": "NETWORK_FILTER",
        "match": {"context": context, "listener": {"filterChain": {"filter": {"name": _CONNECTION_MANAGER}}}},
        "patch": {"operation": "MERGE", "value": {"typed_config": {"@type": type_url, **value}}},
    }


def _filter(name: str, patches: list[dict[str, Any]]) -> Document:
    return document(
        "networking.istio.io/v1alpha3",
        "EnvoyFilter",
        name,
        namespace=ISTIO_SYSTEM,
        spec={"configPatches": patches},
    )

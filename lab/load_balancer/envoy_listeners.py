"""The listeners of load balancers as Envoy's."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

from lab.load_balancer.certificates import ServedPair
from lab.load_balancer.envoy_clusters import tls_parameters
from lab.load_balancer.envoy_headers import own_answers, request_filter
from lab.load_balancer.model import Listener, LoadBalancerModel
from lab.load_balancer.ssl_policies import SSL_POLICIES

Document = dict[str, Any]

_TYPES = "type.googleapis.com/envoy"
# An ALB's client keep alive, its default.
_LONGEST_CONNECTION = "3600s"
# What Envoy adds of its own and an ALB does not.
_ENVOY_HEADERS = ["x-envoy-external-address", "x-envoy-internal", "x-envoy-expected-rq-timeout-ms"]


def listener(
    model: LoadBalancerModel,
    made: Listener,
    *,
    address: str,
    pairs: tuple[ServedPair, ...] = (),
    bound_port: int | None = None,
) -> Document:
    """One listener at an address. bound_port: another port than the load balancer's, for tests on loopback."""
    port = made.port if bound_port is None else bound_port
    chain = _tcp_chain(model, made) if made.protocol == "TCP" else _http_chain(model, made, pairs)
    if "0.0.0.0/0" not in made.allowed_cidrs:
        # The security group's part; it would drop what this closes at once.
        chain["filter_chain_match"] = {"source_prefix_ranges": [_range(cidr) for cidr in made.allowed_cidrs]}
    return {
        "@type": f"{_TYPES}.config.listener.v3.Listener",
        "name": f"{model.name}_{made.port}",
        "address": {"socket_address": {"address": address, "port_value": port}},
        "filter_chains": [chain],
        "per_connection_buffer_limit_bytes": 1 << 20,
    }


def _range(cidr: str) -> Document:
    network = IPv4Network(cidr)
    return {"address_prefix": str(network.network_address), "prefix_len": network.prefixlen}


def _http_chain(model: LoadBalancerModel, made: Listener, pairs: tuple[ServedPair, ...]) -> Document:
    manager: Document = {
        "@type": f"{_TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": f"{model.name}_{made.port}",
        "codec_type": "AUTO",
        # The peer's own address is the client's: an ALB trusts no X-Forwarded-For, it appends to it.
        "use_remote_address": True,
        "internal_address_config": {"cidr_ranges": []},
        # What a target says of itself is passed on; our own answers get their name below.
        "server_header_transformation": "PASS_THROUGH",
        # None of these is an ALB's business.
        "generate_request_id": False,
        "preserve_external_request_id": True,
        "forward_client_cert_details": "ALWAYS_FORWARD_ONLY",
        "normalize_path": False,
        "merge_slashes": False,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "max_request_headers_kb": 64,
        "stream_idle_timeout": f"{model.idle_timeout}s",
        "common_http_protocol_options": {
            "idle_timeout": f"{model.idle_timeout}s",
            "max_connection_duration": _LONGEST_CONNECTION,
        },
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "http_filters": [request_filter(drop_invalid=model.drop_invalid_headers), _router()],
        "local_reply_config": own_answers(),
        "access_log": [_access_log(model, made)],
        "route_config": {
            "name": f"{model.name}_{made.port}",
            "validate_clusters": False,
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [_route(made)]}],
        },
    }
    chain: Document = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    if made.protocol == "HTTPS":
        chain["transport_socket"] = _tls_from_client(made, pairs)
        chain["transport_socket_connect_timeout"] = "10s"
    return chain


def _route(made: Listener) -> Document:
    route: Document = {"match": {"prefix": "/"}}
    if made.redirect_to is not None:
        return {
            **route,
            "redirect": {
                "scheme_redirect": "https",
                "port_redirect": made.redirect_to,
                "response_code": "MOVED_PERMANENTLY",
            },
        }
    assert made.group is not None, "a listener redirects or has a target group"
    return {
        **route,
        # No retry: an ALB does not repeat a request that a target may have seen.
        "route": {"cluster": made.group.name, "timeout": "0s"},
        "request_headers_to_remove": list(_ENVOY_HEADERS),
        "request_headers_to_add": [
            {
                "header": {"key": "x-forwarded-port", "value": str(made.port)},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ],
    }


def _router() -> Document:
    return {
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": f"{_TYPES}.extensions.filters.http.router.v3.Router",
            "suppress_envoy_headers": True,
        },
    }


def _tls_from_client(made: Listener, pairs: tuple[ServedPair, ...]) -> Document:
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": f"{_TYPES}.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {
                "tls_params": tls_parameters(SSL_POLICIES[made.ssl_policy]),
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_certificates": [
                    {
                        "certificate_chain": {"filename": str(pair.certificate)},
                        "private_key": {"filename": str(pair.key)},
                    }
                    for pair in pairs
                ],
            },
        },
    }


def _tcp_chain(model: LoadBalancerModel, made: Listener) -> Document:
    assert made.group is not None, "a TCP listener has a target group"
    proxy = {
        "@type": f"{_TYPES}.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": f"{model.name}_{made.port}",
        "cluster": made.group.name,
        "idle_timeout": f"{model.idle_timeout}s",
        "access_log": [_access_log(model, made)],
    }
    return {"filters": [{"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}]}


def _access_log(model: LoadBalancerModel, made: Listener) -> Document:
    # Values are enough to see who was asked and why not; no header field, so no credential.
    http = '"%REQ(:METHOD)% %REQ(:AUTHORITY)%" %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% '
    line = (
        f"%START_TIME% stand-in {model.name}:{made.port} client=%DOWNSTREAM_REMOTE_ADDRESS% "
        f"target=%UPSTREAM_HOST% {'' if made.protocol == 'TCP' else http}%RESPONSE_FLAGS% "
        "%DURATION%ms tls=%DOWNSTREAM_TLS_VERSION%\n"
    )
    return {
        "name": "envoy.access_loggers.stdout",
        "typed_config": {
            "@type": f"{_TYPES}.extensions.access_loggers.stream.v3.StdoutAccessLog",
            "log_format": {"text_format_source": {"inline_string": line}},
        },
    }

"""Target groups as Envoy's clusters and endpoints."""

from __future__ import annotations

from typing import Any

from lab.load_balancer.model import HealthCheck, Target, TargetGroup
from lab.load_balancer.ssl_policies import TO_TARGETS, SslPolicy

Document = dict[str, Any]

CONNECT_SECONDS = 10
"""An ALB gives up connecting to a target after it, with 504."""
_TYPES = "type.googleapis.com/envoy"
_CHECKER = "ELB-HealthChecker/2.0"
_PLAIN = "plain-health-check"
# More than the lab will ever have: an ALB has no such limit.
_MANY = 100_000


def cluster(group: TargetGroup, *, endpoints: str, idle_timeout: int, source: str = "") -> Document:
    """One target group. endpoints: the file that lists its targets; source: the address to call them from."""
    made: Document = {
        "@type": f"{_TYPES}.config.cluster.v3.Cluster",
        "name": group.name,
        "type": "EDS",
        "eds_cluster_config": {"eds_config": file_source(endpoints)},
        "connect_timeout": f"{CONNECT_SECONDS}s",
        "lb_policy": "ROUND_ROBIN",
        "common_lb_config": {
            # Fails open when no target at all is healthy, and not a moment before (per cent; 0 would be never).
            "healthy_panic_threshold": {"value": 1},
            # Envoy would hold changes of health back for a second to merge them.
            "update_merge_window": "0s",
        },
        # One that was deregistered gets no new request, whatever its health.
        "ignore_health_on_host_removal": True,
        "health_checks": [_health_check(group)],
        "circuit_breakers": {
            "thresholds": [
                {"max_connections": _MANY, "max_pending_requests": _MANY, "max_requests": _MANY, "max_retries": 0}
            ]
        },
    }
    if source:
        made["upstream_bind_config"] = {"source_address": {"address": source, "port_value": 0}}
    if group.protocol != "TCP":
        made["typed_extension_protocol_options"] = {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{_TYPES}.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http_protocol_options": {}},
                "common_http_protocol_options": {"idle_timeout": f"{idle_timeout}s"},
            }
        }
    if group.protocol == "HTTPS":
        made["transport_socket"] = _tls_to_target(TO_TARGETS)
    elif group.proxy_protocol:
        made["transport_socket"] = _proxy_protocol()
    if "HTTPS" in (group.protocol, group.check.protocol) or group.proxy_protocol:
        # The check chooses its own transport: plain towards a TLS target is the usual case.
        secure = group.check.protocol == "HTTPS"
        made["transport_socket_matches"] = [
            {
                "name": _PLAIN,
                "match": {_PLAIN: True},
                "transport_socket": _tls_to_target(TO_TARGETS) if secure else _raw(),
            }
        ]
        made["health_checks"][0]["transport_socket_match_criteria"] = {_PLAIN: True}
    return made


def assignment(group: TargetGroup) -> Document:
    """The targets of a group as Envoy's endpoints."""
    return {
        "@type": f"{_TYPES}.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": group.name,
        "endpoints": [{"lb_endpoints": [_endpoint(target, group.check) for target in sorted(group.targets)]}],
    }


def file_source(path: str) -> Document:
    """A configuration source that Envoy reads anew whenever the file is replaced."""
    return {"path_config_source": {"path": path}, "resource_api_version": "V3"}


def _endpoint(target: Target, check: HealthCheck) -> Document:
    port = check.port or target.port
    return {
        "endpoint": {
            "address": {"socket_address": {"address": target.address, "port_value": target.port}},
            # An ALB names the target's address as the host of its checks.
            "health_check_config": {"port_value": port, "hostname": f"{target.address}:{port}"},
        }
    }


def _health_check(group: TargetGroup) -> Document:
    check = group.check
    interval = f"{check.interval}s"
    made: Document = {
        "timeout": f"{check.timeout}s",
        "interval": interval,
        # Envoy would check rarely what gets no traffic; an ALB does not care.
        "no_traffic_interval": interval,
        "no_traffic_healthy_interval": interval,
        # Envoy takes the first success of a new target for enough, as an ALB does.
        "healthy_threshold": check.healthy,
        "unhealthy_threshold": check.unhealthy,
        "reuse_connection": False,
        "always_log_health_check_failures": False,
    }
    if check.protocol == "TCP":
        made["tcp_health_check"] = {}
        return made
    made["http_health_check"] = {
        "path": check.path,
        "expected_statuses": [_range(part) for part in check.codes.split(",")],
        "codec_client_type": "HTTP1",
        "request_headers_to_add": [
            {"header": {"key": "user-agent", "value": _CHECKER}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        ],
        "request_headers_to_remove": ["x-envoy-healthchecked-cluster"],
    }
    return made


def _range(part: str) -> Document:
    low, _, high = part.strip().partition("-")
    return {"start": int(low), "end": int(high or low) + 1}


def _tls_to_target(policy: SslPolicy) -> Document:
    """TLS as an ALB speaks it to a target: no server name, and no look at the certificate."""
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": f"{_TYPES}.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": {
                "tls_params": tls_parameters(policy),
                "validation_context": {"trust_chain_verification": "ACCEPT_UNTRUSTED"},
            },
        },
    }


def tls_parameters(policy: SslPolicy) -> Document:
    """A security policy in Envoy's words."""
    made: Document = {
        "tls_minimum_protocol_version": policy.minimum,
        "tls_maximum_protocol_version": policy.maximum,
        "ecdh_curves": list(policy.curves),
    }
    if policy.suites:
        made["cipher_suites"] = list(policy.suites)
    return made


def _proxy_protocol() -> Document:
    return {
        "name": "envoy.transport_sockets.upstream_proxy_protocol",
        "typed_config": {
            "@type": f"{_TYPES}.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport",
            "config": {"version": "V2"},
            "transport_socket": _raw(),
        },
    }


def _raw() -> Document:
    return {
        "name": "envoy.transport_sockets.raw_buffer",
        "typed_config": {"@type": f"{_TYPES}.extensions.transport_sockets.raw_buffer.v3.RawBuffer"},
    }

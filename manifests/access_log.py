"""The audit line that every sidecar and the gateway write for every request and connection."""

from __future__ import annotations

import json

# Envoy's command operators, by the name under which a line carries them.
# - Identities: Istio's certificates have no subject, so `*_subject` is always empty; the SPIFFE id is the URI SAN.
#   A line of the server's side shows source and destination as downstream_peer and downstream_local, one of the
#   client's side as upstream_local and upstream_peer. For TCP and for a refused connection they are all there is.
# - The path is logged without its query: tokens and personal data travel in queries, and a log is no place for them.
# - A refusal shows as response_code_details `rbac_access_denied_matched_policy[none]` (HTTP), the same under
#   connection_termination_details (TCP), or response_flags NR with `filter_chain_not_found` (plaintext to STRICT).
ACCESS_LOG_FIELDS: dict[str, str] = {
    "start_time": "%START_TIME%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ_WITHOUT_QUERY(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "protocol": "%PROTOCOL%",
    "authority": "%REQ(:AUTHORITY)%",
    "response_code": "%RESPONSE_CODE%",
    "response_flags": "%RESPONSE_FLAGS%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
    "upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "downstream_peer_uri_san": "%DOWNSTREAM_PEER_URI_SAN%",
    "downstream_local_uri_san": "%DOWNSTREAM_LOCAL_URI_SAN%",
    "upstream_peer_uri_san": "%UPSTREAM_PEER_URI_SAN%",
    "upstream_local_uri_san": "%UPSTREAM_LOCAL_URI_SAN%",
    "downstream_tls_version": "%DOWNSTREAM_TLS_VERSION%",
    "requested_server_name": "%REQUESTED_SERVER_NAME%",
    "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "downstream_local_address": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream_host": "%UPSTREAM_HOST%",
    "upstream_local_address": "%UPSTREAM_LOCAL_ADDRESS%",
    "upstream_service_time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    "route_name": "%ROUTE_NAME%",
    "x_forwarded_for": "%REQ(X-FORWARDED-FOR)%",
    "user_agent": "%REQ(USER-AGENT)%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "trace_id": "%TRACE_ID%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "duration": "%DURATION%",
}


def access_log_format() -> str:
    """For `meshConfig.accessLogFormat` with encoding JSON: an object of field to operator, as text."""
    return json.dumps(ACCESS_LOG_FIELDS)

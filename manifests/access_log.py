"""The audit line that every sidecar and the gateway write for every request and connection."""

from __future__ import annotations

import json

# How istiod prefixes the metadata that the RBAC filters leave: pilot/pkg/security/authz/model/model.go, and
# source/extensions/filters/http/rbac/rbac_filter.cc of Envoy.
_SHADOW_ALLOW = "istio_dry_run_allow_shadow"
_SHADOW_DENY = "istio_dry_run_deny_shadow"

# Envoy's command operators, by the name under which a line carries them.
# - Identities: Istio's certificates have no subject, so `*_subject` is always empty; the SPIFFE id is the URI SAN.
#   A line of the server's side shows source and destination as downstream_peer and downstream_local, one of the
#   client's side as upstream_local and upstream_peer. For TCP and for a refused connection they are all there is.
# - The path is logged without its query: tokens and personal data travel in queries, and a log is no place for them.
# - A field says what the proxy itself saw, unless its name begins with `claimed_`: then somebody else said so, in a
#   header, and a compromised workload may say anything. The path is `:path` and never x-envoy-original-path, the
#   address that of the connection. `claimed_remote_address` is what Envoy makes of X-Forwarded-For: at the gateway,
#   where one hop is trusted, the client as the ALB saw it; at a sidecar whatever the caller wrote.
# - What a caller chooses freely is cut at a length: one request must not fill a log.
# - `workload_*` is the proxy's own pod, from its environment: a line of what left a pod, or was kept from leaving, has
#   no certificate to name anybody.
# - A refusal shows as response_code_details `rbac_access_denied_matched_policy[none]` (HTTP), the same under
#   connection_termination_details (TCP), or response_flags NR with `filter_chain_not_found` (plaintext to STRICT).
# - The user is who a verified token says: jwt_authn puts a payload there only after its signature, issuer, audience and
#   dates were found right. A token that was refused names nobody; why it was refused is in response_code_details.
# - `shadow_*` is what the policies say that are tried out (shadow.py): `allowed` or `denied`, and by which rule, of
#   which there is none where no ALLOW matches. Empty where nothing is tried.
ACCESS_LOG_FIELDS: dict[str, str] = {
    "start_time": "%START_TIME%",
    "method": "%REQ(:METHOD):32%",
    "path": "%REQ_WITHOUT_QUERY(:PATH):1024%",
    "protocol": "%PROTOCOL%",
    "authority": "%REQ(:AUTHORITY):261%",
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
    "downstream_direct_remote_address": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
    "downstream_local_address": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream_host": "%UPSTREAM_HOST%",
    "upstream_local_address": "%UPSTREAM_LOCAL_ADDRESS%",
    "upstream_service_time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    "route_name": "%ROUTE_NAME%",
    "claimed_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "claimed_forwarded_for": "%REQ(X-FORWARDED-FOR):256%",
    "claimed_user_agent": "%REQ(USER-AGENT):256%",
    "claimed_request_id": "%REQ(X-REQUEST-ID):64%",
    "claimed_trace_id": "%TRACE_ID%",
    "workload_namespace": "%ENVIRONMENT(POD_NAMESPACE)%",
    "workload_pod": "%ENVIRONMENT(POD_NAME)%",
    "workload_service_account": "%ENVIRONMENT(SERVICE_ACCOUNT)%",
    "token_issuer": "%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:payload:iss):256%",
    "token_subject": "%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:payload:sub):256%",
    "shadow_allow": f"%DYNAMIC_METADATA(envoy.filters.http.rbac:{_SHADOW_ALLOW}_engine_result)%",
    "shadow_allow_policy": f"%DYNAMIC_METADATA(envoy.filters.http.rbac:{_SHADOW_ALLOW}_effective_policy_id)%",
    "shadow_deny": f"%DYNAMIC_METADATA(envoy.filters.http.rbac:{_SHADOW_DENY}_engine_result)%",
    "shadow_deny_policy": f"%DYNAMIC_METADATA(envoy.filters.http.rbac:{_SHADOW_DENY}_effective_policy_id)%",
    "shadow_connection": f"%DYNAMIC_METADATA(envoy.filters.network.rbac:{_SHADOW_ALLOW}_engine_result)%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "duration": "%DURATION%",
}


def access_log_format() -> str:
    """For `meshConfig.accessLogFormat` with encoding JSON: an object of field to operator, as text."""
    return json.dumps(ACCESS_LOG_FIELDS)

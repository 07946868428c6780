"""Headers that nobody may send, and what the gateway waits for."""

from __future__ import annotations

import pytest

from manifests.envoy_filters import REMOVED_HEADERS, Context, envoy_filters

_TRACE_CONTEXT = {"traceparent", "tracestate", "b3", "x-request-id"}


@pytest.mark.parametrize("context", ["GATEWAY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND"])
def test_what_changes_a_proxy_s_behaviour_is_taken_from_every_request(context: Context) -> None:
    removed = set(REMOVED_HEADERS[context])
    assert removed >= {
        "x-envoy-original-path",
        "x-envoy-decorator-operation",
        "x-envoy-force-trace",
        "x-envoy-retry-on",
        "x-envoy-upstream-rq-timeout-ms",
        "x-client-trace-id",
        "x-http-method-override",
    }
    assert all(name == name.lower() for name in removed)


def test_only_at_the_gateway_does_a_request_lose_its_trace() -> None:
    assert set(REMOVED_HEADERS["GATEWAY"]) >= _TRACE_CONTEXT
    assert not _TRACE_CONTEXT & set(REMOVED_HEADERS["SIDECAR_INBOUND"])
    assert not _TRACE_CONTEXT & set(REMOVED_HEADERS["SIDECAR_OUTBOUND"])


def test_sidecars_tell_each_other_who_they_are_and_applications_may_not() -> None:
    assert "x-envoy-peer-metadata" not in REMOVED_HEADERS["SIDECAR_INBOUND"]
    assert "x-envoy-peer-metadata" in REMOVED_HEADERS["SIDECAR_OUTBOUND"]


def test_each_patch_merges_into_what_istio_makes() -> None:
    patches = [patch for item in envoy_filters() for patch in item["spec"]["configPatches"]]
    assert {patch["patch"]["operation"] for patch in patches} == {"MERGE"}


def test_the_gateway_closes_idle_connections_later_than_the_load_balancer() -> None:
    (limits,) = (item for item in envoy_filters() if item["metadata"]["name"] == "gateway-limits")
    manager = limits["spec"]["configPatches"][0]["patch"]["value"]["typed_config"]
    idle = {manager["stream_idle_timeout"], manager["common_http_protocol_options"]["idle_timeout"]}
    assert idle == {"75s"}, "an ALB closes after 60 s; a gateway that was faster would make its next request a 502"

"""What Envoy is told about a load balancer: the parts of its configuration on which the three layers rest."""

from __future__ import annotations

import json
import os
from dataclasses import replace as replaced
from pathlib import Path
from typing import Any

import pytest

from lab.errors import LabError
from lab.load_balancer.certificates import ServedPair, written
from lab.load_balancer.envoy_clusters import assignment, cluster
from lab.load_balancer.envoy_headers import page
from lab.load_balancer.envoy_listeners import listener
from lab.load_balancer.proxy import Proxy, replace
from lab.load_balancer.ssl_policies import SSL_POLICIES
from tests.unit.lab.load_balancer.load_balancers import CERTIFICATE, CHECK, GROUP, alb, nlb

PAIR = ServedPair(arn=CERTIFICATE, certificate=Path("/certificates/1.crt"), key=Path("/certificates/1.key"))
MODEL = alb()
HTTP, HTTPS = MODEL.listeners


def https(**changes: Any) -> dict[str, Any]:
    """The filter chain of the HTTPS listener."""
    model = alb(**changes)
    made = listener(model, model.listeners[1], address="10.201.0.10", pairs=(PAIR,))
    assert made["address"] == {"socket_address": {"address": "10.201.0.10", "port_value": 443}}
    return made["filter_chains"][0]


def tls(chain: dict[str, Any]) -> dict[str, Any]:
    return chain["transport_socket"]["typed_config"]["common_tls_context"]


def manager(chain: dict[str, Any]) -> dict[str, Any]:
    return chain["filters"][0]["typed_config"]


def target_group(made: dict[str, Any] | None = None) -> dict[str, Any]:
    return made or cluster(GROUP, endpoints="/endpoints.json", idle_timeout=60, source="10.201.0.10")


@pytest.mark.parametrize("policy", sorted(SSL_POLICIES))
def test_the_listener_has_the_versions_and_key_exchanges_of_its_policy(policy: str) -> None:
    given = tls(https(policy=policy))["tls_params"]
    assert given["tls_minimum_protocol_version"] == SSL_POLICIES[policy].minimum
    assert given["tls_maximum_protocol_version"] == "TLSv1_3"
    assert given["ecdh_curves"] == list(SSL_POLICIES[policy].curves)
    assert ("cipher_suites" in given) == (SSL_POLICIES[policy].minimum == "TLSv1_2")
    assert not [suite for suite in given.get("cipher_suites", ()) if "CBC" in suite or suite.endswith("SHA")]


def test_the_listener_serves_the_pair_of_its_arn_and_speaks_http_2_and_1() -> None:
    context = tls(https())
    assert [each["certificate_chain"]["filename"] for each in context["tls_certificates"]] == ["/certificates/1.crt"]
    assert context["alpn_protocols"] == ["h2", "http/1.1"]


def test_targets_are_spoken_to_without_a_server_name_and_without_validation() -> None:
    given = target_group()["transport_socket"]["typed_config"]
    assert "sni" not in given
    assert "auto_host_sni" not in given
    context = given["common_tls_context"]
    assert context["validation_context"] == {"trust_chain_verification": "ACCEPT_UNTRUSTED"}
    assert context["tls_params"]["tls_maximum_protocol_version"] == "TLSv1_3"
    assert "http2_protocol_options" not in json.dumps(target_group())


def test_health_is_asked_plainly_on_its_own_port_as_annotated() -> None:
    (check,) = target_group()["health_checks"]
    assert (check["interval"], check["timeout"], check["no_traffic_interval"]) == ("15s", "5s", "15s")
    assert (check["healthy_threshold"], check["unhealthy_threshold"]) == (2, 2)
    assert check["http_health_check"]["path"] == "/healthz/ready"
    assert check["http_health_check"]["expected_statuses"] == [{"start": 200, "end": 201}]
    (match,) = target_group()["transport_socket_matches"]
    assert match["match"] == check["transport_socket_match_criteria"]
    assert match["transport_socket"]["name"] == "envoy.transport_sockets.raw_buffer"


def test_codes_are_ranges_with_an_end_that_is_not_included() -> None:
    made = cluster(replaced(GROUP, check=replaced(CHECK, codes="200-299,301")), endpoints="/e", idle_timeout=60)
    statuses = made["health_checks"][0]["http_health_check"]["expected_statuses"]
    assert statuses == [{"start": 200, "end": 300}, {"start": 301, "end": 302}]


def test_every_target_is_an_endpoint_that_is_checked_under_its_own_address() -> None:
    (locality,) = assignment(GROUP)["endpoints"]
    endpoints = [each["endpoint"] for each in locality["lb_endpoints"]]
    assert [each["address"]["socket_address"]["address"] for each in endpoints] == ["10.0.0.5", "10.0.0.6"]
    assert endpoints[0]["health_check_config"] == {"port_value": 15021, "hostname": "10.0.0.5:15021"}


def test_nothing_is_repeated_and_all_are_asked_when_none_is_healthy() -> None:
    made = target_group()
    assert made["circuit_breakers"]["thresholds"][0]["max_retries"] == 0
    assert made["common_lb_config"]["healthy_panic_threshold"] == {"value": 1}
    assert made["ignore_health_on_host_removal"] is True
    route = manager(https())["route_config"]["virtual_hosts"][0]["routes"][0]["route"]
    assert "retry_policy" not in route


def test_targets_are_called_from_the_load_balancers_own_address() -> None:
    assert target_group()["upstream_bind_config"]["source_address"]["address"] == "10.201.0.10"


def test_port_80_redirects_and_has_no_target() -> None:
    chain = listener(MODEL, HTTP, address="10.201.0.10")["filter_chains"][0]
    (route,) = manager(chain)["route_config"]["virtual_hosts"][0]["routes"]
    assert route["redirect"] == {
        "scheme_redirect": "https",
        "port_redirect": 443,
        "response_code": "MOVED_PERMANENTLY",
    }
    assert "transport_socket" not in chain


def test_invalid_header_fields_are_dropped_only_when_that_is_asked_for() -> None:
    def script(*, drop_invalid: bool) -> str:
        (lua, _) = manager(https(drop_invalid=drop_invalid))["http_filters"]
        return lua["typed_config"]["default_source_code"]["inline_string"]

    assert "^[%w-]+$" in script(drop_invalid=True)
    assert "^[%w-]+$" not in script(drop_invalid=False)


def test_only_the_inbound_cidrs_have_a_filter_chain() -> None:
    assert https()["filter_chain_match"] == {
        "source_prefix_ranges": [{"address_prefix": "198.51.100.0", "prefix_len": 24}]
    }
    assert "filter_chain_match" not in https(allowed_cidrs=("0.0.0.0/0",))


def test_an_nlb_passes_bytes_and_ends_no_tls() -> None:
    model = nlb()
    (made,) = model.listeners
    chain = listener(model, made, address="10.201.0.11")["filter_chains"][0]
    assert [each["name"] for each in chain["filters"]] == ["envoy.filters.network.tcp_proxy"]
    assert "transport_socket" not in chain
    assert "transport_socket" not in cluster(model.groups[0], endpoints="/e", idle_timeout=350)


@pytest.mark.parametrize(("code", "title"), [(502, "502 Bad Gateway"), (504, "504 Gateway Time-out")])
def test_the_pages_are_an_albs(code: int, title: str) -> None:
    assert f"<center><h1>{title}</h1></center>" in page(code)


def test_a_file_is_replaced_only_by_another_content(tmp_path: Path) -> None:
    file = tmp_path / "listeners.json"
    assert replace(file, {"resources": []})
    before = file.stat().st_ino
    assert not replace(file, {"resources": []})
    assert file.stat().st_ino == before
    assert replace(file, {"resources": [1]})
    assert file.stat().st_ino != before, "Envoy sees moves only"
    assert os.listdir(tmp_path) == ["listeners.json"]


def test_a_key_is_readable_by_its_owner_only_and_a_new_certificate_has_a_new_name(tmp_path: Path) -> None:
    first = written(tmp_path / "certificates", CERTIFICATE, b"one", b"key")
    second = written(tmp_path / "certificates", CERTIFICATE, b"two", b"key")
    assert first.certificate != second.certificate
    assert {path.stat().st_mode & 0o777 for path in (first.key, second.key)} == {0o600}


def test_a_state_directory_too_long_for_a_socket_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"too long for a socket .* shorter state directory \(ZTM_LAB_STATE\)"):
        Proxy(directory=tmp_path / ("x" * 100)).prepare()

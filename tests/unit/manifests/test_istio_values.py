"""The values of Istio's charts."""

from __future__ import annotations

import json
import re

import pytest

from configuration.mesh import Gateway, Mesh, Pilot
from manifests.access_log import ACCESS_LOG_FIELDS, access_log_format
from manifests.images import Images
from manifests.istio_values import IstioValues, gateway_values
from tests.unit.manifests.golden_files import assert_golden

REGISTRY = "registry.internal.example.com/mesh"


def values(mesh: Mesh | None = None, *, registry: str | None = None, tracing: bool = True) -> IstioValues:
    return IstioValues(mesh=mesh or Mesh(), images=Images(registry), cluster_name="mesh-dev", tracing=tracing)


def test_the_values_of_all_four_charts() -> None:
    charts = values()
    assert_golden(
        "istio-values", [charts.base(), charts.cni(), charts.istiod("1.31.1"), gateway_values(Mesh(), Gateway())]
    )


def test_revision_webhook_and_images_follow_from_the_version_and_agree() -> None:
    charts = values(Mesh(istio_version="1.31.2"))
    assert charts.base()["defaultRevision"] == "1-31-2"
    istiod = charts.istiod("1.31.2")
    assert istiod["revision"] == "1-31-2"
    assert {istiod["global"]["tag"], charts.cni()["global"]["tag"]} == {"1.31.2"}


@pytest.mark.parametrize(("first", "second"), [("1.31.9", "1.31.10"), ("1.31.10", "1.31.9")])
def test_beside_each_other_the_older_one_validates_and_the_newer_one_s_agent_is_on_the_nodes(
    first: str, second: str
) -> None:
    charts = values(Mesh(istio_version=first, second_istio_version=second))
    assert charts.base()["defaultRevision"] == "1-31-9", "the newer one takes what the older one does not understand"
    assert charts.cni()["global"]["tag"] == "1.31.10"
    assert [charts.istiod(version)["global"]["tag"] for version in (first, second)] == [first, second]


def test_no_release_of_a_revision_owns_a_tag_that_the_next_one_would_have_to_take_from_it() -> None:
    assert "revisionTags" not in values().istiod("1.31.1")


def test_the_gateway_moves_to_another_revision_by_itself() -> None:
    mesh = Mesh(second_istio_version="1.31.2")
    assert gateway_values(mesh, Gateway())["revision"] == "1-31-1"
    assert gateway_values(mesh, Gateway(istio_version="1.31.2"))["revision"] == "1-31-2"


@pytest.mark.parametrize(
    ("pilot", "expected"),
    [
        (Pilot(), {"autoscaleEnabled": True, "autoscaleMin": 2, "autoscaleMax": 5}),
        (Pilot(min_replicas=1, max_replicas=1), {"autoscaleEnabled": False, "replicaCount": 1}),
        (Pilot(min_replicas=1, max_replicas=3), {"autoscaleEnabled": True, "autoscaleMin": 1, "autoscaleMax": 3}),
    ],
)
def test_istiod_scales_unless_one_replica_is_the_most(pilot: Pilot, expected: dict[str, object]) -> None:
    keys = ("autoscaleEnabled", "autoscaleMin", "autoscaleMax", "replicaCount")
    rendered = values(Mesh(pilot=pilot)).istiod("1.31.1")
    assert {key: rendered[key] for key in keys if key in rendered} == expected


def test_a_gateway_of_fixed_size_has_no_autoscaler() -> None:
    rendered = gateway_values(Mesh(), Gateway(min_replicas=2, max_replicas=2))
    assert rendered["replicaCount"] == 2
    assert rendered["autoscaling"] == {"enabled": False, "minReplicas": 2, "maxReplicas": 2}
    assert "replicaCount" not in gateway_values(Mesh(), Gateway())


def test_a_private_registry_leaves_no_public_one_in_any_value() -> None:
    charts = values(registry=REGISTRY)
    assert charts.istiod("1.31.1")["global"]["hub"] == f"{REGISTRY}/istio"
    assert charts.cni()["global"]["hub"] == f"{REGISTRY}/istio"
    assert "docker.io" not in json.dumps([charts.base(), charts.cni(), charts.istiod("1.31.1")])
    assert charts.istiod("1.31.1")["sidecarInjectorWebhook"]["templates"]["grpc-simple"] == "{}\n", (
        "the chart's own template for it names busybox of a public registry"
    )


def test_no_tracing_provider_is_named_where_there_is_no_collector() -> None:
    assert "extensionProviders" not in values(tracing=False).istiod("1.31.1")["meshConfig"]


def test_the_access_log_is_one_json_object_that_names_both_principals_on_both_sides() -> None:
    fields = json.loads(access_log_format())
    assert fields == ACCESS_LOG_FIELDS
    assert {name: fields[name] for name in fields if name.endswith("_uri_san")} == {
        "downstream_peer_uri_san": "%DOWNSTREAM_PEER_URI_SAN%",
        "downstream_local_uri_san": "%DOWNSTREAM_LOCAL_URI_SAN%",
        "upstream_peer_uri_san": "%UPSTREAM_PEER_URI_SAN%",
        "upstream_local_uri_san": "%UPSTREAM_LOCAL_URI_SAN%",
    }


def test_the_access_log_has_no_queries() -> None:
    assert ACCESS_LOG_FIELDS["path"].startswith("%REQ_WITHOUT_QUERY(")


def test_what_a_caller_says_of_itself_is_logged_as_a_claim_and_cut_at_a_length() -> None:
    chosen_by_the_caller = {
        name: value for name, value in ACCESS_LOG_FIELDS.items() if value.startswith(("%REQ(", "%REQ_WITHOUT"))
    }
    assert all(re.search(r"\):\d+%$", value) for value in chosen_by_the_caller.values()), chosen_by_the_caller
    seen = {name for name in chosen_by_the_caller if not name.startswith("claimed_")}
    assert seen == {"method", "path", "authority"}, "the request line itself; every other header is a claim"
    assert "X-ENVOY-ORIGINAL-PATH" not in str(ACCESS_LOG_FIELDS)
    addresses = {name: value for name, value in ACCESS_LOG_FIELDS.items() if "REMOTE_ADDRESS" in value}
    assert addresses == {
        "downstream_direct_remote_address": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
        "claimed_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
    }


def test_nobody_outside_a_pod_reaches_its_proxy_s_metrics_and_with_them_its_admin_interface() -> None:
    mesh = values().istiod("1.31.1")["meshConfig"]
    assert mesh["defaultConfig"]["proxyMetadata"]["METRICS_LOCALHOST_ACCESS_ONLY"] == "true"
    assert mesh["enablePrometheusMerge"] is False
    annotations = gateway_values(Mesh(), Gateway())["podAnnotations"]
    assert annotations["prometheus.io/scrape"] == "false"
    assert "proxyMetadata" not in json.loads(annotations["proxy.istio.io/config"]), "the mesh's own is merged in"


def test_istiod_serves_configuration_over_tls_alone() -> None:
    # Empty, the address would not turn plaintext off: istiod then serves it on 8080.
    assert values().istiod("1.31.1")["extraContainerArgs"] == [
        "--grpcAddr=127.0.0.1:15010",
        "--monitoringAddr=127.0.0.1:15014",
    ]


def test_a_sidecar_names_the_caller_that_it_saw_and_nobody_else() -> None:
    assert values().istiod("1.31.1")["meshConfig"]["defaultConfig"]["proxyHeaders"] == {
        "forwardedClientCert": "SANITIZE_SET"
    }

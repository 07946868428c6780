"""The values of Istio's charts."""

from __future__ import annotations

import json

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
    assert_golden("istio-values", [charts.base(), charts.cni(), charts.istiod(), gateway_values(Mesh(), Gateway())])


def test_webhook_revision_and_tag_follow_from_the_version_and_agree() -> None:
    charts = values(Mesh(istio_version="1.31.2", revision_tag="canary"))
    assert charts.base()["defaultRevision"] == "1-31-2"
    assert charts.istiod()["revision"] == "1-31-2"
    assert charts.istiod()["revisionTags"] == ["canary"]
    assert {charts.istiod()["global"]["tag"], charts.cni()["global"]["tag"]} == {"1.31.2"}


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
    rendered = values(Mesh(pilot=pilot)).istiod()
    assert {key: rendered[key] for key in keys if key in rendered} == expected


def test_a_gateway_of_fixed_size_has_no_autoscaler() -> None:
    rendered = gateway_values(Mesh(), Gateway(min_replicas=2, max_replicas=2))
    assert rendered["replicaCount"] == 2
    assert rendered["autoscaling"] == {"enabled": False, "minReplicas": 2, "maxReplicas": 2}
    assert "replicaCount" not in gateway_values(Mesh(), Gateway())


def test_a_private_registry_leaves_no_public_one_in_any_value() -> None:
    charts = values(registry=REGISTRY)
    assert charts.istiod()["global"]["hub"] == f"{REGISTRY}/istio"
    assert charts.cni()["global"]["hub"] == f"{REGISTRY}/istio"
    assert "docker.io" not in json.dumps([charts.base(), charts.cni(), charts.istiod()])
    assert charts.istiod()["sidecarInjectorWebhook"]["templates"]["grpc-simple"] == "{}\n", (
        "the chart's own template for it names busybox of a public registry"
    )


def test_no_tracing_provider_is_named_where_there_is_no_collector() -> None:
    assert "extensionProviders" not in values(tracing=False).istiod()["meshConfig"]


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

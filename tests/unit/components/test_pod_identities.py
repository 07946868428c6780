"""Who calls AWS from the cluster, each with its own role; there before the first node, so before any pod."""

from __future__ import annotations

import json
from typing import Any

import pytest

from configuration.cluster import Cluster, ExistingCluster
from configuration.mesh import Observability
from manifests.pod_identities import pod_identities
from tests.unit.components.recording import Recording, known
from tests.unit.components.test_cluster import COMPONENT, EKS, FIRST, ROUTE, record

NAMES = ("load-balancer-controller", "otel-collector", "cloudwatch-agent")


def association(name: str) -> str:
    return f"aws:eks/podIdentityAssociation:PodIdentityAssociation::{name}"


def recorded(*, preview: bool, **changes: Any) -> Recording:
    observability = Observability(**{key: changes.pop(key) for key in ("tracing", "container_logs") if key in changes})
    cluster = Cluster(name="mesh-dev", existing=changes.get("existing"))
    identities = pod_identities(region="eu-west-1", cluster=cluster, observability=observability)
    return record.__wrapped__(preview=preview, identities=identities, **changes)


def policy(recording: Recording, name: str) -> list[dict[str, Any]]:
    return json.loads(recording[f"aws:iam/rolePolicy:RolePolicy::{name}"].inputs["policy"])["Statement"]


def test_a_pod_that_starts_before_its_association_would_have_no_credentials(preview: bool) -> None:
    recording = recorded(preview=preview)
    for name in NAMES:
        assert association(name) in recording.needs(FIRST)
        assert EKS in recording[association(name)].depends_on, "an association needs its cluster"
        assert f"aws:iam/rolePolicy:RolePolicy::{name}" in recording[association(name)].depends_on


def test_each_association_names_one_service_account(preview: bool) -> None:
    recording = recorded(preview=preview)
    assert [recording[association(name)].inputs for name in NAMES] == [
        {
            "clusterName": "mesh-dev",
            "namespace": namespace,
            "serviceAccount": account,
            "roleArn": known(f"arn:aws:iam::111122223333:role/{name}", preview),
        }
        for name, namespace, account in (
            ("load-balancer-controller", "kube-system", "aws-load-balancer-controller"),
            ("otel-collector", "observability", "otel-collector"),
            ("cloudwatch-agent", "amazon-cloudwatch", "cloudwatch-agent"),
        )
    ]


@pytest.mark.parametrize(
    ("off", "missing"), [({"tracing": False}, "otel-collector"), ({"container_logs": False}, "cloudwatch-agent")]
)
def test_what_is_not_installed_has_no_identity(off: dict[str, bool], missing: str) -> None:
    recording = recorded(preview=False, **off)
    assert sorted(recording.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation")) == sorted(
        {*NAMES} - {missing}
    )


def test_an_existing_cluster_gets_them_too_before_what_uses_them() -> None:
    recording = recorded(preview=False, existing=ExistingCluster(metrics_server=True, pod_identity_agent=True))
    assert recording.returned["ready"] == [ROUTE, *map(association, NAMES)]
    assert COMPONENT in recording.keys


def test_a_controller_that_was_there_would_get_a_second_identity() -> None:
    recording = recorded(preview=False, existing=ExistingCluster(load_balancer_controller=True))
    assert sorted(recording.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation")) == sorted(NAMES[1:])


def test_without_the_agent_no_pod_of_an_existing_cluster_would_get_its_identity() -> None:
    recording = recorded(preview=False, existing=ExistingCluster())
    agent = "aws:eks/addon:Addon::eks-pod-identity-agent"
    assert recording.returned["ready"] == [ROUTE, *map(association, NAMES), agent]
    assert "aws:eks/addon:Addon::metrics-server" in recording.keys


def test_they_keep_what_was_made_under_the_components_that_made_them_before(preview: bool) -> None:
    recording = recorded(preview=preview)
    head = "urn:pulumi:test::zero-trust-mesh"
    for name, parent in (
        ("load-balancer-controller", "mesh:load_balancer:LoadBalancerController::load-balancer-controller"),
        ("otel-collector", "mesh:observability:Observability::observability"),
        ("cloudwatch-agent", "mesh:observability:Observability::observability"),
    ):
        (alias,) = recording[f"mesh:pod_identity:PodIdentity::{name}"].aliases
        assert f"{head}::{parent}" in alias


def test_the_collector_may_write_traces_and_no_more(preview: bool) -> None:
    assert policy(recorded(preview=preview), "otel-collector") == [
        {
            "Effect": "Allow",
            "Action": ["xray:PutSpans", "xray:PutSpansForIndexing", "xray:PutTraceSegments"],
            "Resource": "*",
        }
    ]


def test_the_agent_writes_this_clusters_groups_only(preview: bool) -> None:
    writes = policy(recorded(preview=preview), "cloudwatch-agent")[0]
    assert writes["Resource"] == "arn:aws:logs:eu-west-1:*:log-group:/aws/containerinsights/mesh-dev/*"
    assert "logs:PutLogEvents" in writes["Action"]

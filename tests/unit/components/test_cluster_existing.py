"""A cluster that somebody else owns: looked up by name, and given a provider."""

from __future__ import annotations

import json

from configuration.cluster import ExistingCluster
from manifests.kubeconfig import kubeconfig
from offline.values import Secret
from tests.unit.components.test_cluster import COMPONENT, ROUTE, record


def test_of_an_existing_cluster_nothing_is_made_but_a_provider(preview: bool) -> None:
    recording = record(preview=preview, existing=ExistingCluster(metrics_server=True, pod_identity_agent=True))
    assert recording.children(COMPONENT) == ("pulumi:providers:kubernetes::kubernetes",)
    assert not [resource.urn for resource in recording.resources if resource.type.startswith(("aws:eks", "eks:"))]
    assert [(call.token, call.arguments, call.provider) for call in recording.calls] == [
        ("aws:eks/getCluster:getCluster", {"name": "mesh-dev"}, "aws")
    ]
    assert isinstance(recording.returned["kubeconfig"], Secret)
    assert json.loads(recording.returned["kubeconfig"].value) == kubeconfig(
        cluster_name="mesh-dev",
        region="eu-west-1",
        profile=None,
        endpoint="https://0123.eks.example",
        certificate_authority="Q0E=",
    )
    assert {**recording.returned, "kubeconfig": None} == {
        "name": "mesh-dev",
        "kubeconfig": None,
        "ready": [ROUTE],
        "has_resource": False,
    }

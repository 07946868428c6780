"""Namespaces and their applications as submitted: parents, and the order that makes a change of phase lossless."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Literal

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from components.mesh_namespace import mesh_namespaces
from configuration.applications import Namespace
from configuration.mesh import Mesh
from manifests.images import Images
from tests.unit.components.recording import Recording, run
from tests.unit.mesh_stack import LEGACY, NAMESPACES, PAYMENTS, SECURE_APPS

Phase = Literal["outside", "permissive", "strict"]

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
SERVICE = "kubernetes:core/v1:Service"
ACCOUNT = "kubernetes:core/v1:ServiceAccount"
RULE = "kubernetes:networking.istio.io/v1:DestinationRule"
POLICY = "kubernetes:security.istio.io/v1:AuthorizationPolicy"
PEER = "kubernetes:security.istio.io/v1:PeerAuthentication"
SIDECAR = "kubernetes:networking.istio.io/v1:Sidecar"
ENTRY = "kubernetes:networking.istio.io/v1:ServiceEntry"
ROUTE = "kubernetes:networking.istio.io/v1:VirtualService"
WALL = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
BINDING = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"
NAMESPACE = "kubernetes:core/v1:Namespace"
PATCH = "kubernetes:core/v1:NamespacePatch"
POLICIES_READY = "kubernetes:core/v1:ConfigMap::policies"
CLUSTER = "kubernetes:core/v1:ConfigMap::cluster"
GIVEN = (POLICIES_READY, CLUSTER)


def part(name: str) -> pulumi.Resource:
    """Stands for a part of the stack that exists before."""
    return kubernetes.core.v1.ConfigMap(name)


def submitted(*namespaces: Namespace, preview: bool) -> Recording:
    def program() -> None:
        mesh_namespaces(
            namespaces,
            mesh=Mesh(),
            images=Images(),
            tracing=True,
            region="eu-west-1",
            cluster_name="mesh-test",
            after=(part("policies"),),
            deleted_with=part("cluster"),
        )

    return run(program, preview=preview)


@cache
def whole(preview: bool) -> Recording:
    """The stack with all three phases; recorded once, since no test changes it."""
    return submitted(*NAMESPACES, preview=preview)


def in_phase(phase: Phase) -> Namespace:
    return dataclasses.replace(SECURE_APPS, phase=phase)


def test_a_strict_namespace_is_submitted_whole(preview: bool) -> None:
    recording = whole(preview)
    assert set(recording.children("mesh:mesh_namespace:MeshNamespace::secure-apps")) == {
        f"{NAMESPACE}::secure-apps",
        f"{POLICY}::secure-apps/deny-all",
        f"{SIDECAR}::secure-apps/default",
        f"{WALL}::secure-apps/default-deny",
        f"{WALL}::secure-apps/allow-platform",
        f"{BINDING}::secure-apps/mesh-tenant",
        f"{BINDING}::secure-apps/mesh-reader",
        f"{ENTRY}::secure-apps/api.stripe.com",
        "mesh:application:Application::secure-apps/billing-api",
        "mesh:application:Application::secure-apps/frontend-ui",
        "mesh:application:Application::secure-apps/inventory-job",
        f"{PEER}::secure-apps/default",
    }
    assert set(recording.children("mesh:application:Application::secure-apps/billing-api")) == {
        f"{SIDECAR}::secure-apps/billing-api",
        f"{POLICY}::secure-apps/billing-api",
        f"{WALL}::secure-apps/billing-api",
        f"{ACCOUNT}::secure-apps/billing-api-sa",
        f"{SERVICE}::secure-apps/billing-api",
        f"{BUDGET}::secure-apps/billing-api",
        f"{DEPLOYMENT}::secure-apps/billing-api",
        f"{RULE}::secure-apps/billing-api",
    }


def test_an_up_does_not_undo_what_the_autoscaler_did(preview: bool) -> None:
    (first, *others) = SECURE_APPS.applications
    scaled = dataclasses.replace(first, replicas=None, min_replicas=2, max_replicas=6)
    namespace = dataclasses.replace(SECURE_APPS, applications=(scaled, *others))
    recording = submitted(namespace, PAYMENTS, LEGACY, preview=preview)
    pods = f"{DEPLOYMENT}::secure-apps/billing-api"
    assert tuple(recording[pods].ignore_changes) == ("spec.replicas",)
    assert tuple(recording[f"{DEPLOYMENT}::secure-apps/frontend-ui"].ignore_changes) == ()
    autoscaler = recording["kubernetes:autoscaling/v2:HorizontalPodAutoscaler::secure-apps/billing-api"]
    assert autoscaler.parent == "mesh:application:Application::secure-apps/billing-api"
    assert autoscaler.depends_on == (pods,), "it scales what is there, and goes before it"
    assert autoscaler.deleted_with == CLUSTER


def test_everything_in_the_cluster_goes_with_it(preview: bool) -> None:
    recording = whole(preview)
    objects = [
        registration for registration in recording.resources if registration.custom and registration.urn not in GIVEN
    ]
    assert len(objects) > 50
    assert {registration.deleted_with for registration in objects} == {CLUSTER}


def test_nothing_of_a_namespace_changes_before_the_mesh_wide_policies_stand(preview: bool) -> None:
    recording = whole(preview)
    objects = [item.urn for item in recording.resources if item.custom and item.urn not in GIVEN]
    assert [key for key in objects if POLICIES_READY not in recording.needs(key)] == []


def test_policies_and_label_stand_before_the_first_pod_gets_its_sidecar(preview: bool) -> None:
    recording = whole(preview)
    assert recording.needs(f"{DEPLOYMENT}::secure-apps/billing-api") >= {
        f"{NAMESPACE}::secure-apps",
        f"{POLICY}::secure-apps/deny-all",
        f"{POLICY}::secure-apps/billing-api",
        f"{SIDECAR}::secure-apps/billing-api",
        f"{WALL}::secure-apps/billing-api",
        f"{ENTRY}::secure-apps/api.stripe.com",
        f"{ACCOUNT}::secure-apps/billing-api-sa",
    }
    assert f"{ENTRY}::secure-apps/api.stripe.com" not in recording.needs(f"{DEPLOYMENT}::secure-apps/frontend-ui")


@pytest.mark.parametrize("phase", ["permissive", "strict"])
def test_into_the_mesh_callers_use_mutual_tls_only_when_the_last_pod_has_a_sidecar(phase: Phase, preview: bool) -> None:
    recording = submitted(in_phase(phase), PAYMENTS, LEGACY, preview=preview)
    rule, pods = f"{RULE}::secure-apps/frontend-ui", f"{DEPLOYMENT}::secure-apps/frontend-ui"
    assert pods in recording.needs(rule)
    assert recording[rule].inputs["spec"]["trafficPolicy"]["tls"]["mode"] == "ISTIO_MUTUAL"
    assert rule in recording.needs(f"{ROUTE}::secure-apps/frontend-ui")


def test_out_of_the_mesh_callers_stop_using_mutual_tls_before_the_first_pod_loses_its_sidecar(preview: bool) -> None:
    recording = submitted(in_phase("outside"), PAYMENTS, LEGACY, preview=preview)
    rule, pods = f"{RULE}::secure-apps/frontend-ui", f"{DEPLOYMENT}::secure-apps/frontend-ui"
    assert rule in recording.needs(pods)
    assert recording[rule].inputs["spec"]["trafficPolicy"]["tls"] == {"mode": "DISABLE"}


def test_strict_comes_when_every_pod_and_every_caller_is_ready_for_it(preview: bool) -> None:
    recording = whole(preview)
    needs = recording.needs(f"{PEER}::secure-apps/default")
    assert needs >= {f"{DEPLOYMENT}::secure-apps/{name}" for name in ("billing-api", "frontend-ui", "inventory-job")}
    assert needs >= {f"{RULE}::secure-apps/{name}" for name in ("billing-api", "frontend-ui")}


def test_outside_the_mesh_an_application_is_deployed_and_reached_and_its_last_sidecars_are_told(preview: bool) -> None:
    recording = whole(preview)
    assert set(recording.children("mesh:mesh_namespace:MeshNamespace::legacy")) == {
        f"{PATCH}::legacy",
        f"{SIDECAR}::legacy/default",
        f"{POLICY}::legacy/deny-all",
        f"{POLICY}::legacy/refuse-nobody",
        f"{BINDING}::legacy/mesh-tenant",
        f"{BINDING}::legacy/mesh-reader",
        "mesh:application:Application::legacy/reports",
    }
    assert set(recording.children("mesh:application:Application::legacy/reports")) == {
        f"{ACCOUNT}::legacy/reports-sa",
        f"{SIDECAR}::legacy/reports",
        f"{POLICY}::legacy/reports",
        f"{RULE}::legacy/reports",
        f"{SERVICE}::legacy/reports",
        f"{BUDGET}::legacy/reports",
        f"{DEPLOYMENT}::legacy/reports",
        f"{ROUTE}::legacy/reports",
    }


def test_a_namespace_that_exists_is_patched_and_never_owned(preview: bool) -> None:
    recording = whole(preview)
    assert set(recording.of_type(NAMESPACE)) == {"secure-apps", "payments"}
    assert set(recording.of_type(PATCH)) == {"legacy"}


def test_the_provider_reaches_every_object_through_its_parents(preview: bool) -> None:
    def program() -> None:
        provider = kubernetes.Provider("cluster", kubeconfig="{}")
        mesh_namespaces(
            NAMESPACES,
            mesh=Mesh(),
            images=Images(),
            tracing=True,
            region="eu-west-1",
            cluster_name="mesh-test",
            after=(),
            deleted_with=part("cluster-itself"),
            opts=pulumi.ResourceOptions(providers={"kubernetes": provider}),
        )

    objects = [item for item in run(program, preview=preview).resources if item.parent and item.custom]
    assert len(objects) > 50
    assert {item.provider for item in objects} == {"cluster"}


def test_components_say_what_they_are(preview: bool) -> None:
    recording = whole(preview)
    assert recording.component_outputs["mesh:mesh_namespace:MeshNamespace::payments"] == {
        "namespace_name": "payments",
        "phase": "permissive",
    }
    assert recording.component_outputs["mesh:application:Application::secure-apps/frontend-ui"] == {
        "hosts": ["app.example.com", "www.example.com"]
    }


def test_one_more_application_adds_the_same_number_of_dependencies_each_time(preview: bool) -> None:
    template = SECURE_APPS.applications[0]

    def dependencies(count: int) -> int:
        applications = tuple(dataclasses.replace(template, name=f"app-{number}", callers=()) for number in range(count))
        namespace = dataclasses.replace(SECURE_APPS, applications=applications)
        resources = submitted(namespace, preview=preview).resources
        return sum(len(item.depends_on) for item in resources)

    two, four, six = dependencies(2), dependencies(4), dependencies(6)
    assert six - four == four - two

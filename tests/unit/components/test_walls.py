"""Admission and the platform's NetworkPolicies as submitted: before what they guard, and gone after it."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.admission import Admission, AdmissionArgs
from components.platform_network_policies import PlatformNetworkPolicies, PlatformNetworkPoliciesArgs
from configuration import admission
from configuration.mesh import Mesh
from configuration.parsing import parse
from configuration.settings import PROJECT
from manifests.images import Images
from tests.unit.components.recording import run
from tests.unit.configuration.bad_settings import stack
from tests.unit.mesh_stack import NAMESPACES

_API = "kubernetes:admissionregistration.k8s.io/v1"
POLICY, BINDING = f"{_API}:ValidatingAdmissionPolicy", f"{_API}:ValidatingAdmissionPolicyBinding"
WALL = "kubernetes:networking.k8s.io/v1:NetworkPolicy"


def part(name: str) -> pulumi.Resource:
    return kubernetes.core.v1.ConfigMap(name)


def test_a_policy_stands_before_its_binding_which_goes_first(preview: bool) -> None:
    def program() -> None:
        Admission(
            "admission",
            AdmissionArgs(
                settings=admission.Admission(),
                mesh=Mesh(),
                namespaces=NAMESPACES,
                images=Images(),
                platform=("istio-system",),
                after=(part("nodes"),),
                deleted_with=part("cluster"),
            ),
        )

    recording = run(program, preview=preview)
    names = set(recording.of_type(POLICY))
    assert names == set(recording.of_type(BINDING))
    for name in names:
        assert f"{POLICY}::{name}" in recording.needs(f"{BINDING}::{name}")


def test_what_may_pass_is_said_before_everything_else_is_refused(preview: bool) -> None:
    config: dict[str, Any] = {"aws:region": "eu-west-1", **{f"{PROJECT}:{key}": item for key, item in stack().items()}}

    def program() -> None:
        PlatformNetworkPolicies(
            "platform-network-policies",
            PlatformNetworkPoliciesArgs(
                settings=parse("test", config), after=(part("charts"),), deleted_with=part("cluster")
            ),
        )

    recording = run(program, preview=preview)
    walls = set(recording.of_type(WALL))
    closed = {name for name in walls if name.endswith("/default-deny")}
    assert len(closed) == 4
    for name in closed:
        assert {f"{WALL}::{other}" for other in walls - closed} <= recording.needs(f"{WALL}::{name}")

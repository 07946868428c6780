"""Who gets into a cluster of our own: no creator's hidden entry, no principal lost, a way to a private endpoint."""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from typing import Any

import pulumi
import pytest

from components.cluster_access import still_waits, without_creators_admin
from configuration.cluster import AccessEntry
from configuration.cluster import Cluster as ClusterSettings
from offline.made_up import MadeUpOutputs
from offline.registration import Registration
from offline.run import ProgramRun, run_program
from offline.stack_files import read_stack
from tests import ROOT
from tests.unit.components.recording import known
from tests.unit.components.test_cluster import EKS, record

ROLE = "arn:aws:iam::111122223333:role/"
RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
PROVIDER = "pulumi:providers:kubernetes::kubernetes"
RUNNERS = IPv4Network("10.250.0.0/24")
DEPLOYER = IPv4Network("198.51.100.7/32")

# What pulumi-eks 4.4 registers as the cluster itself (nodejs/eks/cluster/cluster.ts): input and options.
INSIDE = pulumi.ResourceTransformArgs(
    custom=True,
    type_="aws:eks/cluster:Cluster",
    name="cluster-eksCluster",
    props={
        "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": True},
        "roleArn": f"{ROLE}cluster",
    },
    opts=pulumi.ResourceOptions(ignore_changes=["accessConfig.bootstrapClusterCreatorAdminPermissions"]),
)


def test_the_creator_would_stay_an_administrator_that_no_file_names() -> None:
    result = without_creators_admin(INSIDE)
    assert result is not None
    assert result.props == {
        "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
        "roleArn": f"{ROLE}cluster",
    }
    assert result.opts is INSIDE.opts, "later changes are still ignored: a cluster that exists is not replaced"


def test_the_other_children_of_the_cluster_are_left_as_they_are() -> None:
    entry = pulumi.ResourceTransformArgs(
        custom=True,
        type_="aws:eks/accessEntry:AccessEntry",
        name="cluster-111122223333-role-a",
        props={"principalArn": f"{ROLE}a"},
        opts=pulumi.ResourceOptions(),
    )
    assert without_creators_admin(entry) is None


def test_the_cluster_hands_the_transform_to_the_engine_and_the_mock_runtime_keeps_its_name(preview: bool) -> None:
    # The children of eks.Cluster exist under the real engine only: here nothing could be transformed.
    recording = record(preview=preview)
    assert recording[EKS].transforms == ("components.cluster_access.without_creators_admin",)
    assert [resource.urn for resource in recording.resources if resource.transforms] == [EKS]


def test_one_of_two_principals_would_silently_have_no_access(preview: bool) -> None:
    access = tuple(
        AccessEntry(principal_arn=f"{ROLE}{name}", policy="ClusterAdmin")
        for name in ("team/admins", "team-admins", "team-/admins")
    )
    entries = record(preview=preview, access=access)[EKS].inputs["accessEntries"]
    assert sorted(entry["principalArn"] for entry in entries.values()) == sorted(one.principal_arn for one in access)


def test_a_deployer_in_the_network_would_time_out_at_the_private_endpoint(preview: bool) -> None:
    recording = record(preview=preview, private_access_cidrs=(RUNNERS, IPv4Network("10.8.0.0/16")))
    rules = recording.of_type(RULE)
    assert {name: rule.inputs for name, rule in rules.items()} == {
        f"api-{cidr}": {
            "securityGroupId": known("sg-0123456789abcdef1", preview),
            "description": "The Kubernetes API, for those who administer the cluster",
            "cidrIpv4": cidr,
            "ipProtocol": "tcp",
            "fromPort": 443,
            "toPort": 443,
        }
        for cidr in ("10.250.0.0/24", "10.8.0.0/16")
    }
    assert {rule.urn for rule in rules.values()} <= recording.needs(PROVIDER), "before the first request"
    assert recording[EKS].inputs["endpointPublicAccess"] is False


@pytest.mark.parametrize(
    ("public", "private", "waits"),
    [
        ((DEPLOYER,), (RUNNERS,), True),
        ((), (RUNNERS,), False),
        ((DEPLOYER,), (), False),
    ],
)
def test_the_program_says_what_a_private_environment_still_waits_for(
    public: tuple[IPv4Network, ...], private: tuple[IPv4Network, ...], waits: bool
) -> None:
    text = still_waits(ClusterSettings(name="mesh", public_access_cidrs=public, private_access_cidrs=private))
    assert bool(text) is waits
    if waits:
        assert "198.51.100.7/32" in text
        assert "10.250.0.0/24" in text
        assert "remove cluster.publicAccessCidrs" in text


def planned_prod(**cluster: Any) -> ProgramRun:
    config = dict(read_stack(ROOT, "prod").config)
    key = "zero-trust-mesh:cluster"
    config[key] = json.dumps({**json.loads(str(config[key])), **cluster})
    ended = run_program(ROOT, stack="prod", config=config, engine=MadeUpOutputs("eu-west-1"))
    assert ended.error is None, ended.error
    return ended


def test_a_new_private_environment_comes_up_in_two_steps_that_differ_in_its_endpoint_alone() -> None:
    first, second = planned_prod(publicAccessCidrs=[str(DEPLOYER)]), planned_prod()

    def without_endpoint(registration: Registration) -> tuple[str, dict[str, Any]]:
        ours = registration.type == "eks:index:Cluster"
        left_out = ("endpointPublicAccess", "publicAccessCidrs") if ours else ()
        return registration.urn, {name: value for name, value in registration.inputs.items() if name not in left_out}

    assert [*map(without_endpoint, first.registrations)] == [*map(without_endpoint, second.registrations)]
    endpoints = [
        [item.inputs.get("endpointPublicAccess"), item.inputs.get("publicAccessCidrs")]
        for ended in (first, second)
        for item in ended.registrations
        if item.type == "eks:index:Cluster"
    ]
    assert endpoints == [[True, ["198.51.100.7/32"]], [False, None]]
    assert [level for level, text in first.messages if "still answers 198.51.100.7/32" in text] == ["warning"]
    assert second.messages == ()

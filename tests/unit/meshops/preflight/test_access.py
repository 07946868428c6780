"""Whoever runs `up` would be refused by the cluster that he makes, or would not reach it: said before."""

from __future__ import annotations

from typing import Any

import pytest

from meshops.checks.model import Unavailable
from meshops.preflight import aws
from meshops.preflight.access import check_access, check_endpoint, check_entries, principal_of
from meshops.preflight.aws import Caller, Endpoint
from tests.unit.meshops.preflight.preflight_stack import CLUSTER, settings_of

ACCOUNT = "123456789012"
NOT_YET = None


def cluster(**changes: Any) -> dict[str, Any]:
    return {**CLUSTER, **changes}


@pytest.mark.parametrize(
    ("arn", "kind", "name"),
    [
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/mesh/jane@example.com", "role", "mesh"),
        (f"arn:aws:iam::{ACCOUNT}:user/people/jane", "user", "jane"),
        (f"arn:aws:iam::{ACCOUNT}:root", "root", ""),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/jane", "federated-user", "jane"),
    ],
)
def test_a_session_is_taken_back_to_its_role(arn: str, kind: str, name: str) -> None:
    principal = principal_of(arn)
    assert (principal.account, principal.kind, principal.name) == (ACCOUNT, kind, name)


def test_the_session_of_a_role_with_a_path_is_the_role_that_the_settings_name() -> None:
    verdict = check_access(settings_of(), Caller(arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/mesh/jane"))
    assert (verdict.status, verdict.finding) == ("pass", f"You are the role mesh of account {ACCOUNT}: ClusterAdmin.")


@pytest.mark.parametrize(
    ("arn", "finding"),
    [
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/other/jane", "is not in cluster.access"),
        ("arn:aws:sts::999999999999:assumed-role/mesh/jane", "is not in cluster.access"),
        (f"arn:aws:iam::{ACCOUNT}:user/mesh", "is not in cluster.access"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/auditor/jane", "has AdminView only"),
        (f"arn:aws:iam::{ACCOUNT}:root", "roles and users only"),
    ],
)
def test_up_would_be_refused_at_its_first_kubernetes_object(arn: str, finding: str) -> None:
    auditor = {"principalArn": f"arn:aws:iam::{ACCOUNT}:role/auditor", "policy": "AdminView"}
    settings = settings_of(cluster=cluster(access=[*CLUSTER["access"], auditor]))
    verdict = check_access(settings, Caller(arn=arn))
    assert verdict.status == "fail"
    assert finding in verdict.finding
    assert verdict.remedy


def test_nobody_knows_who_may_use_a_cluster_of_somebody_elses() -> None:
    existing = {
        "vpcId": "vpc-0123456789abcdef0",
        "privateSubnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    }
    settings = settings_of(cluster={"name": "mesh-test", "existing": {}}, network={"existing": existing})
    assert check_access(settings, Caller(arn=f"arn:aws:iam::{ACCOUNT}:user/jane")).status == "unknown"
    assert check_endpoint(settings, NOT_YET).status == "pass"


def test_the_first_up_would_have_to_stand_in_a_vpc_that_it_has_yet_to_make() -> None:
    verdict = check_endpoint(settings_of(), NOT_YET)
    assert verdict.status == "fail"
    assert "nobody can stand in it" in verdict.finding
    assert "publicAccessCidrs" in verdict.remedy


@pytest.mark.parametrize(
    ("changes", "endpoint", "finding"),
    [
        ({"publicAccessCidrs": ["198.51.100.7/32"]}, NOT_YET, "waits for a deployer within 10.250.0.0/24"),
        ({"publicAccessCidrs": ["198.51.100.7/32"], "privateAccessCidrs": []}, NOT_YET, "Public, for 198.51.100.7/32."),
        ({}, Endpoint(public=True, public_cidrs=("198.51.100.7/32",)), "Public still, for 198.51.100.7/32"),
        ({}, Endpoint(public=False, public_cidrs=()), "Private: run `up` from within 10.250.0.0/24"),
    ],
)
def test_each_step_of_a_private_environment_says_from_where_the_next_is_run(
    changes: dict[str, Any], endpoint: Endpoint | None, finding: str
) -> None:
    verdict = check_endpoint(settings_of(cluster=cluster(**changes)), endpoint)
    assert verdict.status == "pass"
    assert finding in verdict.finding


DEPLOYER = CLUSTER["access"][0]["principalArn"]
CREATOR = f"arn:aws:iam::{ACCOUNT}:user/whoever-ran-the-first-up"


def test_an_administrator_that_no_file_names_is_found() -> None:
    verdict = check_entries(settings_of(), (DEPLOYER, CREATOR))
    assert verdict.status == "fail"
    assert CREATOR in verdict.finding
    assert f"--principal-arn {CREATOR}" in verdict.remedy


@pytest.mark.parametrize(
    ("entries", "finding"), [((DEPLOYER,), "1 entries, all"), ((), "0 entries, all"), (NOT_YET, "no cluster mesh-test")]
)
def test_entries_of_the_settings_and_those_that_are_yet_to_come_are_no_strangers(
    entries: tuple[str, ...] | None, finding: str
) -> None:
    verdict = check_entries(settings_of(), entries)
    assert verdict.status == "pass"
    assert finding in verdict.finding


class FakeEks:
    """As EKS answers: pages of ARNs, and a type for each."""

    class exceptions:  # noqa: N801 - boto3's name
        class ResourceNotFoundException(Exception):
            pass

    def __init__(self, types: dict[str, str] | None) -> None:
        self._types = types

    def get_paginator(self, name: str) -> FakeEks:
        assert name == "list_access_entries"
        return self

    def paginate(self, *, clusterName: str) -> list[dict[str, list[str]]]:  # noqa: N803
        if self._types is None:
            raise self.exceptions.ResourceNotFoundException(clusterName)
        return [{"accessEntries": [arn]} for arn in self._types]

    def describe_access_entry(self, *, clusterName: str, principalArn: str) -> dict[str, dict[str, str]]:  # noqa: N803
        assert self._types is not None
        return {"accessEntry": {"principalArn": principalArn, "type": self._types[principalArn]}}


def test_the_nodes_and_eks_itself_are_no_strangers() -> None:
    service = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS"
    nodes = f"arn:aws:iam::{ACCOUNT}:role/nodes"
    eks = FakeEks({DEPLOYER: "STANDARD", nodes: "EC2_LINUX", service: "STANDARD"})
    assert aws._entries(settings_of(), eks) == (DEPLOYER,)
    assert aws._entries(settings_of(), FakeEks(None)) is None


def test_what_could_not_be_asked_is_unknown() -> None:
    nobody = Unavailable(reason="There are no AWS credentials.", remedy="Log in.")
    checks = (check_access, check_endpoint, check_entries)
    assert [check(settings_of(), nobody).status for check in checks] == ["unknown"] * 3

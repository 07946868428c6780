"""What the cluster is given and hands out: access by principal, and its kubeconfig."""

from __future__ import annotations

import json
from typing import Any

from configuration.cluster import AccessEntry
from manifests.access_entries import PolicyScope, PrincipalAccess, access_by_principal
from manifests.kubeconfig import kubeconfig, with_profile

ROLE = "arn:aws:iam::111122223333:role/"


def test_one_principal_named_twice_gets_one_entry_and_the_wider_scope() -> None:
    def entry(policy: Any, *namespaces: str) -> AccessEntry:
        return AccessEntry(principal_arn=f"{ROLE}a", policy=policy, namespaces=namespaces)

    def scope(policy: str, *namespaces: str) -> PolicyScope:
        return PolicyScope(policy_arn=f"arn:aws:eks::aws:cluster-access-policy/{policy}", namespaces=namespaces)

    entries = (entry("Admin", "b"), entry("Admin", "a", "b"), entry("AdminView", "c"), entry("AdminView"))
    assert access_by_principal(entries) == {
        "111122223333-role-a": PrincipalAccess(
            principal_arn=f"{ROLE}a",
            policies={"Admin": scope("AmazonEKSAdminPolicy", "a", "b"), "AdminView": scope("AmazonEKSAdminViewPolicy")},
        )
    }


def test_edit_and_view_are_groups_that_the_programs_own_roles_are_bound_to() -> None:
    entries = (
        AccessEntry(principal_arn=f"{ROLE}a", policy="Edit", namespaces=("b", "a")),
        AccessEntry(principal_arn=f"{ROLE}a", policy="View"),
        AccessEntry(principal_arn=f"{ROLE}a", policy="AdminView"),
    )
    (access,) = access_by_principal(entries).values()
    assert access.groups == ("mesh-readers", "mesh-tenants:a", "mesh-tenants:b")
    assert set(access.policies) == {"AdminView"}


def test_a_kubeconfig_takes_its_token_from_the_aws_cli_and_names_the_profile() -> None:
    document = kubeconfig(
        cluster_name="c", region="eu-west-1", profile="p", endpoint="https://e", certificate_authority="Q0E="
    )
    assert document["clusters"] == [
        {"name": "c", "cluster": {"server": "https://e", "certificate-authority-data": "Q0E="}}
    ]
    assert document["users"] == [
        {
            "name": "c",
            "user": {
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1beta1",
                    "command": "aws",
                    "args": [
                        "--region",
                        "eu-west-1",
                        "eks",
                        "get-token",
                        "--cluster-name",
                        "c",
                        "--output",
                        "json",
                        "--profile",
                        "p",
                    ],
                    "interactiveMode": "Never",
                }
            },
        }
    ]


def test_a_profile_is_added_once_and_only_to_calls_of_the_aws_cli() -> None:
    def config(command: str, *args: str) -> str:
        return json.dumps({"users": [{"user": {"exec": {"command": command, "args": list(args)}}}]})

    assert with_profile(config("aws", "eks"), None) == config("aws", "eks")
    assert with_profile(config("aws", "eks"), "p") == config("aws", "eks", "--profile", "p")
    assert with_profile(config("aws", "--profile", "q"), "p") == config("aws", "--profile", "q")
    assert with_profile(config("other", "eks"), "p") == config("other", "eks")
    by_certificate = json.dumps({"users": [{"name": "lab", "user": {"client-key-data": "x"}}]})
    assert with_profile(by_certificate, "p") == by_certificate

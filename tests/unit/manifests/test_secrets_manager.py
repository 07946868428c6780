"""What an application takes of AWS Secrets Manager: files in its pods, and a role that reads these secrets alone."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from configuration.applications import Application, FromSecret, Namespace
from configuration.leaving.aws_identity import AwsStatement
from manifests.admission.pods import POD_IDENTITY_AGENT
from manifests.application import ApplicationDocuments, application_documents
from manifests.images import Images
from manifests.mesh_graph import Member
from manifests.names import EXCLUDED_RANGES
from manifests.network_policies import application_network_policy
from manifests.pod_identities import application_identity
from tests.unit.mesh_stack import graph

ENVIRONMENT: dict[str, str | FromSecret] = {
    "LOG_LEVEL": "info",
    "DB_PASSWORD_FILE": FromSecret(secrets_manager="shop/db#password"),
    "DB_USER_FILE": FromSecret(secrets_manager="shop/db#username"),
    "STRIPE_FILE": FromSecret(secrets_manager="stripe"),
}


def shop(**changes: Any) -> Member:
    application = Application(name="billing", image="example.com/billing:1", environment=ENVIRONMENT, **changes)
    return Member(
        namespace=Namespace(name="shop", phase="strict", applications=(application,)), application=application
    )


def documents(member: Member) -> ApplicationDocuments:
    return application_documents(
        member, graph=graph(member.namespace), images=Images(), revision="1", tracing=False, region="eu-west-1"
    )


def pod(member: Member) -> dict[str, Any]:
    found = documents(member).deployment
    assert found is not None
    return found["spec"]["template"]["spec"]


def test_a_variable_would_hold_the_secret_itself() -> None:
    container = pod(shop())["containers"][0]
    assert container["env"] == [
        {"name": "DB_PASSWORD_FILE", "value": "/var/run/secrets-manager/DB_PASSWORD_FILE"},
        {"name": "DB_USER_FILE", "value": "/var/run/secrets-manager/DB_USER_FILE"},
        {"name": "LOG_LEVEL", "value": "info"},
        {"name": "STRIPE_FILE", "value": "/var/run/secrets-manager/STRIPE_FILE"},
    ]


def test_its_pods_mount_the_class_read_only() -> None:
    spec = pod(shop())
    assert spec["volumes"][-1] == {
        "name": "secrets-manager",
        "csi": {
            "driver": "secrets-store.csi.k8s.io",
            "readOnly": True,
            "volumeAttributes": {"secretProviderClass": "billing-secrets-manager"},
        },
    }
    mount = {"name": "secrets-manager", "mountPath": "/var/run/secrets-manager", "readOnly": True}
    assert spec["containers"][0]["volumeMounts"][-1] == mount


def test_each_variable_has_a_file_of_its_own_and_no_file_has_two_names() -> None:
    found = documents(shop()).secret_provider_class
    assert found is not None
    parameters = found["spec"]["parameters"]
    assert (parameters["region"], parameters["usePodIdentity"]) == ("eu-west-1", "true")
    objects = json.loads(parameters["objects"])
    assert objects == [
        {
            "objectName": "shop/db",
            "objectType": "secretsmanager",
            "objectAlias": "DB_PASSWORD_FILE.whole",
            "jmesPath": [
                {"path": "password", "objectAlias": "DB_PASSWORD_FILE"},
                {"path": "username", "objectAlias": "DB_USER_FILE"},
            ],
        },
        {"objectName": "stripe", "objectType": "secretsmanager", "objectAlias": "STRIPE_FILE"},
    ]
    files = [one["objectAlias"] for one in objects] + [key["objectAlias"] for key in objects[0]["jmesPath"]]
    assert len(files) == len(set(files))


def test_its_role_reads_these_secrets_and_no_other() -> None:
    identity = application_identity(shop(), region="eu-west-1")
    assert identity is not None
    assert identity.policy["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
            "Resource": [
                "arn:aws:secretsmanager:eu-west-1:*:secret:shop/db-??????",
                "arn:aws:secretsmanager:eu-west-1:*:secret:stripe-??????",
            ],
            "Condition": {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}},
        }
    ]


def test_a_secret_opens_no_way_to_the_agent_past_the_sidecar() -> None:
    # The provider fetches it from the node's side; the pod itself may not take the role's credentials.
    found = documents(shop()).deployment
    assert found is not None
    annotations = found["spec"]["template"]["metadata"].get("annotations", {})
    assert EXCLUDED_RANGES not in annotations
    wall = application_network_policy(shop(), graph(shop().namespace))
    assert POD_IDENTITY_AGENT not in json.dumps(wall)


def test_both_kinds_of_right_stand_in_one_role() -> None:
    reads = (AwsStatement(actions=("s3:GetObject",), resources=("arn:aws:s3:::invoices/*",)),)
    identity = application_identity(shop(aws_policy=reads), region="eu-west-1")
    assert identity is not None
    assert [one["Action"][0] for one in identity.policy["Statement"]] == [
        "s3:GetObject",
        "secretsmanager:DescribeSecret",
    ]


def test_without_any_nothing_is_mounted() -> None:
    member = shop()
    application = dataclasses.replace(member.application, environment={"LOG_LEVEL": "info"})
    plain = Member(namespace=member.namespace, application=application)
    assert documents(plain).secret_provider_class is None
    assert application_identity(plain, region="eu-west-1") is None
    assert all("csi" not in volume for volume in pod(plain)["volumes"])

"""An application's identity in AWS as submitted: there before its pods, and until the last of them is gone."""

from __future__ import annotations

import dataclasses
import json

from configuration.applications import Namespace
from configuration.leaving.aws_identity import AwsStatement
from tests.unit.components.recording import Recording, known
from tests.unit.components.test_mesh_namespace import CLUSTER, DEPLOYMENT, submitted
from tests.unit.mesh_stack import SECURE_APPS

NAME = "secure-apps.billing-api"
ROLE = f"aws:iam/role:Role::{NAME}"
POLICY = f"aws:iam/rolePolicy:RolePolicy::{NAME}"
ASSOCIATION = f"aws:eks/podIdentityAssociation:PodIdentityAssociation::{NAME}"
PODS = f"{DEPLOYMENT}::secure-apps/billing-api"
READS = AwsStatement(actions=("s3:GetObject",), resources=("arn:aws:s3:::invoices/*",))


def with_identity() -> Namespace:
    billing, *others = SECURE_APPS.applications
    return dataclasses.replace(SECURE_APPS, applications=(dataclasses.replace(billing, aws_policy=(READS,)), *others))


def recorded(preview: bool) -> Recording:
    return submitted(with_identity(), preview=preview)


def test_its_pods_would_start_before_their_association(preview: bool) -> None:
    recording = recorded(preview)
    assert {ASSOCIATION, POLICY, ROLE} <= recording.needs(PODS)
    # As early as can be: it takes seconds to take effect.
    assert set(recording[ASSOCIATION].depends_on) == {CLUSTER, ROLE, POLICY}
    assert ASSOCIATION not in recording.needs(f"{DEPLOYMENT}::secure-apps/frontend-ui")


def test_the_role_is_for_this_service_account_of_this_cluster_and_may_what_is_declared(preview: bool) -> None:
    recording = recorded(preview)
    assert recording[ASSOCIATION].inputs == {
        "clusterName": "mesh-test",
        "namespace": "secure-apps",
        "serviceAccount": "billing-api-sa",
        "roleArn": known(f"arn:aws:iam::111122223333:role/{NAME}", preview),
    }
    (trusted,) = json.loads(recording[ROLE].inputs["assumeRolePolicy"])["Statement"]
    assert trusted["Condition"]["StringEquals"] == {
        "aws:RequestTag/eks-cluster-name": "mesh-test",
        "aws:RequestTag/kubernetes-namespace": "secure-apps",
        "aws:RequestTag/kubernetes-service-account": "billing-api-sa",
    }
    (allowed,) = json.loads(recording[POLICY].inputs["policy"])["Statement"]
    assert (allowed["Action"], allowed["Resource"]) == (["s3:GetObject"], ["arn:aws:s3:::invoices/*"])


def test_it_belongs_to_its_application(preview: bool) -> None:
    recording = recorded(preview)
    component = f"mesh:pod_identity:PodIdentity::{NAME}"
    assert component in recording.children("mesh:application:Application::secure-apps/billing-api")
    assert set(recording.children(component)) == {ROLE, POLICY, ASSOCIATION}


def test_without_a_policy_there_is_nothing_of_it(preview: bool) -> None:
    assert not [key for key in submitted(SECURE_APPS, preview=preview).keys if key.startswith("aws:")]

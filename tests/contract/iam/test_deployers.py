"""What the roles made by `bootstrap/` may do, by IAM's own rules."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bootstrap.policies import (
    bucket_policy,
    deploy_policies,
    deploy_subjects,
    key_policy,
    preview_subjects,
    read_policy,
    role_arn,
    state_access,
    trust,
)
from bootstrap.recorded import PlanFacts, read
from bootstrap.rights import RIGHTS
from bootstrap.settings import GITHUB
from tests.contract.iam.simulator import Answer, Question, ask

ACCOUNT = "444455556666"
OTHERS = "999999999999"
DEV, PROD = read("dev"), read("prod")
PLANS = pytest.mark.parametrize("plan", [DEV, PROD], ids=["dev", "prod"])
ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:role/platform-engineers"
BUCKET = "example-mesh-state-prod"


# What KMS gives a key for which nobody wrote a policy, as the mesh's program does for its cluster's.
OF_A_KEY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
    ],
}


def deployer(plan: PlanFacts) -> str:
    return role_arn(ACCOUNT, plan.stack, "deploy")


def policies(plan: PlanFacts) -> tuple[dict[str, Any], ...]:
    state = state_access(f"example-mesh-state-{plan.stack}", write=True)
    return (*deploy_policies(plan, ACCOUNT).values(), read_policy(plan), state)


def context(plan: PlanFacts, **more: str) -> dict[str, str]:
    own = {
        "aws:RequestedRegion": plan.region,
        "aws:RequestTag/environment": plan.environment,
        "aws:ResourceTag/environment": plan.environment,
        "aws:PrincipalAccount": ACCOUNT,
        "aws:SecureTransport": "true",
    }
    return {**own, **{key.replace("__", ":"): value for key, value in more.items()}}


def names(plan: PlanFacts) -> dict[str, str]:
    """What stands in the ARNs of AWS's reference, for this plan."""
    return {
        "Partition": "aws",
        "Region": plan.region,
        "Account": ACCOUNT,
        "ClusterName": plan.cluster,
        "RoleNameWithPath": f"{plan.roles[0]}-1a2b3c4",
        "LogGroupName": plan.log_groups[0],
        "Id": plan.zones[0],
        "Scope": "regional",
        "ChannelId": "aws-service-channel/application-signals/sample",
    }


def question(plan: PlanFacts, action: str, resource: str = "", **conditions: str) -> Question:
    more = {
        "iam:PassRole": {"iam__PassedToService": "eks.amazonaws.com"},
        "iam:CreateServiceLinkedRole": {"iam__AWSServiceName": "eks.amazonaws.com"},
        "iam:AttachRolePolicy": {"iam__PolicyARN": plan.managed_policies[0]},
        "iam:DetachRolePolicy": {"iam__PolicyARN": plan.managed_policies[0]},
    }.get(action, {})
    own = {**names(plan)}
    if action == "iam:CreateServiceLinkedRole":
        own["RoleNameWithPath"] = "aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS"
    return Question(
        action=action,
        principal=deployer(plan),
        account=ACCOUNT,
        policies=policies(plan),
        resource_policy=OF_A_KEY if action.startswith("kms:") and action != "kms:CreateKey" else None,
        resource=resource,
        context=context(plan, **{**more, **conditions}),
        names=own,
    )


def written(plan: PlanFacts) -> set[str]:
    return {
        f"{grant.service}:{action}"
        for type_ in plan.types
        for grant in RIGHTS[type_].writes
        for action in grant.actions.split()
    }


@PLANS
def test_a_deployer_may_do_each_call_of_its_plan_on_every_kind_of_resource_that_aws_asks_about(plan: PlanFacts) -> None:
    reads = {action for type_ in plan.types for action in RIGHTS[type_].reads.split()}
    answers = ask([question(plan, action) for action in sorted(written(plan) | reads)])
    assert len(answers) > 100
    assert not [answer.action for answer in answers if not answer.known], "no action of AWS has this name"
    assert not [answer for answer in answers if not answer.allowed]


def test_each_row_has_its_source_and_reads() -> None:
    assert not [type_ for type_, rights in RIGHTS.items() if ".go" not in rights.source or not rights.reads]


@PLANS
def test_a_previewer_changes_nothing(plan: PlanFacts) -> None:
    actions = sorted({action for type_ in plan.types for action in RIGHTS[type_].reads.split()})
    answers = ask([question(plan, action) for action in actions])
    assert {answer.action: answer.level for answer in answers if answer.level not in ("Read", "List")} == {}


REFUSED: dict[str, tuple[str, str, dict[str, str]]] = {
    "a user": ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/me", {}),
    "a key for a user": ("iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/me", {}),
    "rights for itself": ("iam:PutRolePolicy", deployer(PROD), {}),
    "another's trust in itself": ("iam:UpdateAssumeRolePolicy", deployer(PROD), {}),
    "its own policies": ("iam:CreatePolicyVersion", f"arn:aws:iam::{ACCOUNT}:policy/github/mesh-prod-network", {}),
    "an administrator among the stack's roles": (
        "iam:AttachRolePolicy",
        f"arn:aws:iam::{ACCOUNT}:role/nodes-1a2b3c4",
        {"iam__PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"},
    ),
    "a role that the plan does not have": ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/backdoor", {}),
    "a role of the other environment": (
        "iam:PutRolePolicy",
        f"arn:aws:iam::{ACCOUNT}:role/nodes-1a2b3c4",
        {"aws__ResourceTag/environment": "dev"},
    ),
    "a role for a function": (
        "iam:PassRole",
        f"arn:aws:iam::{ACCOUNT}:role/nodes-1a2b3c4",
        {"iam__PassedToService": "lambda.amazonaws.com"},
    ),
    "another role": ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/platform-engineers", {}),
    "the other environment's VPC": (
        "ec2:DeleteVpc",
        f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc/vpc-1",
        {"aws__ResourceTag/environment": "dev"},
    ),
    "a VPC without a tag": (
        "ec2:DeleteVpc",
        f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc/vpc-1",
        {"aws__ResourceTag/environment": ""},
    ),
    "a VPC of another region": (
        "ec2:CreateVpc",
        f"arn:aws:ec2:us-east-1:{ACCOUNT}:vpc/vpc-1",
        {"aws__RequestedRegion": "us-east-1"},
    ),
    "the other environment's cluster": (
        "eks:DeleteCluster",
        f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/mesh-dev",
        {},
    ),
    "the other environment's nodes": (
        "eks:DeleteNodegroup",
        f"arn:aws:eks:eu-west-1:{ACCOUNT}:nodegroup/mesh-dev/nodes/1",
        {},
    ),
    "the other environment's zone": ("route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/ZDEV", {}),
    "the other environment's state": ("s3:GetObject", "arn:aws:s3:::example-mesh-state-dev/.pulumi/a", {}),
    "a bucket": ("s3:CreateBucket", "arn:aws:s3:::anything", {}),
    "a version of the state": ("s3:DeleteObjectVersion", f"arn:aws:s3:::{BUCKET}/.pulumi/a", {}),
    "a secret": ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:a-b", {}),
    "a log group of others": (
        "logs:DeleteLogGroup",
        f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/aws/eks/other/cluster",
        {},
    ),
    "the key of others": (
        "kms:ScheduleKeyDeletion",
        f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1",
        {"aws__ResourceTag/environment": "dev"},
    ),
}


def test_a_deployer_of_prod_may_not_do_what_its_plan_does_not_take() -> None:
    answers = ask([question(PROD, action, on, **conditions) for action, on, conditions in REFUSED.values()])
    said = {name: set(answer.results.values()) for name, answer in zip(REFUSED, answers, strict=True)}
    assert said == {name: {"ImplicitlyDenied"} for name in REFUSED}


def _token(trusted: dict[str, Any], subject: str, audience: str = "sts.amazonaws.com") -> Question:
    # The simulator knows the claims of a few issuers only; Google's have the same two.
    known = "accounts.google.com"
    return Question(
        action="sts:AssumeRoleWithWebIdentity",
        principal=f"arn:aws:iam::{ACCOUNT}:oidc-provider/{known}",
        account=ACCOUNT,
        resource_policy=json.loads(json.dumps(trusted).replace(GITHUB, known)),
        resource=deployer(PROD),
        context={f"{known}:sub": subject, f"{known}:aud": audience},
    )


def test_a_role_is_taken_by_jobs_of_its_repository_and_environment_alone() -> None:
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"
    deploy = trust(provider, deploy_subjects("repo:example/mesh", "prod"))
    preview = trust(provider, preview_subjects("repo:example/mesh", "main"))
    tries = {
        "a job in the environment": (deploy, "repo:example/mesh:environment:prod", "sts.amazonaws.com", True),
        "a pull request": (deploy, "repo:example/mesh:pull_request", "sts.amazonaws.com", False),
        "a branch": (deploy, "repo:example/mesh:ref:refs/heads/main", "sts.amazonaws.com", False),
        "another environment": (deploy, "repo:example/mesh:environment:dev", "sts.amazonaws.com", False),
        "a longer name": (deploy, "repo:example/mesh:environment:prod2", "sts.amazonaws.com", False),
        "another repository": (deploy, "repo:example/mesh2:environment:prod", "sts.amazonaws.com", False),
        "another owner": (deploy, "repo:evil/mesh:environment:prod", "sts.amazonaws.com", False),
        "a token for another audience": (deploy, "repo:example/mesh:environment:prod", "vault", False),
        "a preview": (preview, "repo:example/mesh:pull_request", "sts.amazonaws.com", True),
        "drift on the branch": (preview, "repo:example/mesh:ref:refs/heads/main", "sts.amazonaws.com", True),
        "another branch": (preview, "repo:example/mesh:ref:refs/heads/feature", "sts.amazonaws.com", False),
    }
    answers = ask([_token(trusted, subject, audience) for trusted, subject, audience, _ in tries.values()])
    said = {name: answer.allowed for name, answer in zip(tries, answers, strict=True)}
    assert said == {name: expected for name, (_, _, _, expected) in tries.items()}


def _of_bucket(action: str, principal: str, **conditions: str) -> Question:
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    return Question(
        action=action,
        principal=principal,
        account=ACCOUNT,
        policies=(everything,),
        resource_policy=bucket_policy(BUCKET, account=ACCOUNT, administrators=[ADMINISTRATOR]),
        resource=f"arn:aws:s3:::{BUCKET}/.pulumi/stacks/prod.json",
        context=context(PROD, **{"aws__PrincipalArn": principal, **conditions}),
    )


def test_the_bucket_refuses_plaintext_strangers_and_a_lost_version_whatever_iam_allows() -> None:
    tries = {
        "state is written": (_of_bucket("s3:PutObject", deployer(PROD)), True),
        "a lock is released": (_of_bucket("s3:DeleteObject", deployer(PROD)), True),
        "a version is destroyed": (_of_bucket("s3:DeleteObjectVersion", deployer(PROD)), False),
        "an administrator cleans up": (_of_bucket("s3:DeleteObjectVersion", ADMINISTRATOR), True),
        "without TLS": (_of_bucket("s3:GetObject", deployer(PROD), aws__SecureTransport="false"), False),
        "of another account": (_of_bucket("s3:GetObject", deployer(PROD), aws__PrincipalAccount=OTHERS), False),
    }
    answers = ask([asked for asked, _ in tries.values()])
    said = {name: answer.allowed for name, answer in zip(tries, answers, strict=True)}
    assert said == {name: expected for name, (_, expected) in tries.items()}


def _of_key(action: str, principal: str, *, everything: bool = False, **conditions: str) -> Question:
    all_of_kms = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}
    return Question(
        action=action,
        principal=principal,
        account=ACCOUNT,
        policies=(all_of_kms,) if everything else (),
        resource_policy=key_policy(
            account=ACCOUNT,
            administrators=[ADMINISTRATOR],
            deployer=deployer(PROD),
            previewer=role_arn(ACCOUNT, "prod", "preview"),
        ),
        resource=f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/01234567-89ab-cdef-0123-456789abcdef",
        context=context(PROD, **{"aws__PrincipalArn": principal, **conditions}),
    )


def test_the_key_is_used_by_its_two_roles_and_by_nobody_through_a_wide_policy() -> None:
    somebody = f"arn:aws:iam::{ACCOUNT}:role/auditor"
    tries = {
        "a deployer encrypts": (_of_key("kms:Encrypt", deployer(PROD)), True),
        "a deployer decrypts": (_of_key("kms:Decrypt", deployer(PROD)), True),
        "a previewer decrypts": (_of_key("kms:Decrypt", role_arn(ACCOUNT, "prod", "preview")), True),
        "a previewer encrypts": (_of_key("kms:Encrypt", role_arn(ACCOUNT, "prod", "preview")), False),
        "the other environment's deployer": (_of_key("kms:Decrypt", deployer(DEV)), False),
        "kms:* on everything": (_of_key("kms:Decrypt", somebody, everything=True), False),
        "kms:* on everything, administering": (_of_key("kms:PutKeyPolicy", somebody, everything=True), False),
        "an administrator decrypts": (_of_key("kms:Decrypt", ADMINISTRATOR, everything=True), False),
        "an administrator rotates": (_of_key("kms:EnableKeyRotation", ADMINISTRATOR), True),
        "a deployer changes the key's policy": (_of_key("kms:PutKeyPolicy", deployer(PROD)), False),
        "the account's root, the last resort": (
            _of_key("kms:PutKeyPolicy", f"arn:aws:iam::{ACCOUNT}:root", everything=True),
            True,
        ),
    }
    answers: list[Answer] = ask([asked for asked, _ in tries.values()])
    said = {name: answer.allowed for name, answer in zip(tries, answers, strict=True)}
    assert said == {name: expected for name, (_, expected) in tries.items()}

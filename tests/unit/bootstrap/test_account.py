"""What the bootstrap makes, on the mock runtime: and that a stack can take it over."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from bootstrap.plan import PROGRAM, PlanError, make
from bootstrap.policies import LARGEST_POLICY
from bootstrap.recorded import facts_of, read, recorded_stacks
from configuration.settings import PROJECT
from meshops.plan import plan as mesh_plan
from offline.registration import Registration
from offline.run import ProgramRun
from offline.stack_files import read_stack
from offline.values import masked
from policy.resources import of_registration
from policy.rules.aws.closed_groups import closed_groups
from policy.rules.aws.limited_rights import limited_rights
from policy.stack import Stack
from tests import ROOT
from tests.contract.stack_plans import plan_of


@pytest.fixture(scope="module")
def account() -> ProgramRun:
    return make("example")


def of_type(run: ProgramRun, type_: str) -> dict[str, Registration]:
    return {one.name: one for one in run.registrations if one.type == type_}


def document(registration: Registration, key: str) -> dict[str, Any]:
    return json.loads(masked(registration.inputs)[key])


def test_no_two_resources_have_one_urn(account: ProgramRun) -> None:
    urns = [one.urn for one in account.registrations]
    assert len(urns) == len(set(urns)) > 80


def test_only_jobs_of_the_repository_take_a_role_and_the_deployer_s_only_in_its_environment(
    account: ProgramRun,
) -> None:
    subjects = {
        name: document(role, "assumeRolePolicy")["Statement"][0].get("Condition", {})["StringEquals"]
        for name, role in of_type(account, "aws:iam/role:Role").items()
        if name.endswith(("-preview", "-deploy"))
    }
    claim = "token.actions.githubusercontent.com"
    assert {name: condition[f"{claim}:sub"] for name, condition in subjects.items()} == {
        "dev-preview": ["repo:example/mesh:pull_request", "repo:example/mesh:ref:refs/heads/main"],
        "dev-deploy": ["repo:example/mesh:environment:dev"],
        "prod-preview": ["repo:example/mesh:pull_request", "repo:example/mesh:ref:refs/heads/main"],
        "prod-deploy": ["repo:example/mesh:environment:prod"],
    }
    assert {condition[f"{claim}:aud"] for condition in subjects.values()} == {"sts.amazonaws.com"}


def test_a_previewer_gets_the_reads_and_nothing_that_writes(account: ProgramRun) -> None:
    attached = {
        name.removeprefix("prod-"): masked(one.inputs)["role"]
        for name, one in of_type(account, "aws:iam/rolePolicyAttachment:RolePolicyAttachment").items()
        if name.startswith("prod-")
    }
    assert [what for what, role in attached.items() if role == "mesh-prod-preview"] == ["preview-reads"]
    assert {what for what, role in attached.items() if role == "mesh-prod-deploy"} == {
        *("deploy-reads", "deploy-network", "deploy-names", "deploy-cluster", "deploy-identity", "deploy-edge"),
        "deploy-telemetry",
    }


def test_iam_would_take_each_policy(account: ProgramRun) -> None:
    policies = of_type(account, "aws:iam/policy:Policy")
    lengths = {name: len(masked(one.inputs)["policy"]) for name, one in policies.items()}
    assert max(lengths.values()) <= LARGEST_POLICY
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: ten attached to a role.
    assert len([name for name in policies if name.startswith("prod-")]) <= 10


def test_the_policy_pack_finds_no_role_too_wide_and_no_group_open(account: ProgramRun) -> None:
    stack = Stack(name="example", known_settings=None, resources=(), today=date(2026, 1, 1))
    found = [
        (one.name, flaw)
        for one in account.registrations
        for rule in (limited_rights, closed_groups)
        if one.type in rule.about
        for flaw in rule.check(of_registration(one), stack)
    ]
    assert found == []


def test_state_is_versioned_encrypted_private_and_neither_it_nor_its_key_goes_by_accident(account: ProgramRun) -> None:
    for environment in ("dev", "prod"):
        bucket = of_type(account, "aws:s3/bucket:Bucket")[environment]
        key = of_type(account, "aws:kms/key:Key")[environment]
        versions = of_type(account, "aws:s3/bucketVersioning:BucketVersioning")[environment]
        closed = of_type(account, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")[environment]
        encryption = of_type(
            account, "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
        )[environment]
        assert bucket.protect
        assert key.protect
        assert key.inputs["enableKeyRotation"] is True
        assert versions.inputs["versioningConfiguration"] == {"status": "Enabled"}
        assert {closed.inputs[name] for name in closed.inputs if name.startswith(("block", "ignore", "restrict"))} == {
            True
        }
        assert encryption.inputs["rules"][0]["applyServerSideEncryptionByDefault"]["sseAlgorithm"] == "aws:kms"
        policy = of_type(account, "aws:s3/bucketPolicy:BucketPolicy")[environment]
        assert {closed.urn, versions.urn} <= set(policy.depends_on)


def test_the_key_waits_for_the_roles_that_its_policy_names(account: ProgramRun) -> None:
    # KMS: MalformedPolicyDocumentException for a principal that does not exist.
    roles = of_type(account, "aws:iam/role:Role")
    for environment in ("dev", "prod"):
        key = of_type(account, "aws:kms/key:Key")[environment]
        assert {roles[f"{environment}-{kind}"].urn for kind in ("preview", "deploy")} <= set(key.depends_on)


def test_the_runner_stands_in_the_private_subnets_takes_named_workflows_and_is_called_by_nobody(
    account: ProgramRun,
) -> None:
    project = of_type(account, "aws:codebuild/project:Project")["prod-runner"]
    webhook = of_type(account, "aws:codebuild/webhook:Webhook")["prod-runner"]
    outputs = account.outputs["prod"]
    assert project.inputs["vpcConfig"]["subnets"] == outputs["network"]["privateSubnetIds"]
    assert project.inputs["vpcConfig"]["securityGroupIds"] == [outputs["runner"]["securityGroupId"]]
    assert project.inputs["environment"]["privilegedMode"] is False
    filters = webhook.inputs["filterGroups"][0]["filters"]
    assert [(one["type"], one["pattern"]) for one in filters] == [
        ("EVENT", "WORKFLOW_JOB_QUEUED"),
        ("WORKFLOW_NAME", "^(Deploy|Drift)$"),
    ]
    group = of_type(account, "aws:ec2/securityGroup:SecurityGroup")["prod-runner"]
    rules = of_type(account, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").values()
    assert not group.inputs.get("ingress")
    assert [one.name for one in rules if one.inputs["securityGroupId"] == outputs["runner"]["securityGroupId"]] == []


def test_an_account_that_has_github_s_provider_keeps_it(tmp_path: Any) -> None:
    text = (PROGRAM / "Pulumi.example.yaml").read_text(encoding="utf-8")
    arn = "arn:aws:iam::444455556666:oidc-provider/token.actions.githubusercontent.com"
    text += f"  zero-trust-mesh-bootstrap:oidcProviderArn: {arn}\n"
    (tmp_path / "Pulumi.example.yaml").write_text(text, encoding="utf-8")
    run = make("example", directory=tmp_path)
    assert of_type(run, "aws:iam/openIdConnectProvider:OpenIdConnectProvider") == {}
    trusted = document(of_type(run, "aws:iam/role:Role")["dev-deploy"], "assumeRolePolicy")
    assert trusted["Statement"][0]["Principal"] == {"Federated": arn}


def test_a_refused_bootstrap_plans_nothing(tmp_path: Any) -> None:
    text = (PROGRAM / "Pulumi.example.yaml").read_text(encoding="utf-8")
    (tmp_path / "Pulumi.example.yaml").write_text(text.replace("example/mesh", "example/*"), encoding="utf-8")
    with pytest.raises(PlanError, match="owner/name of one repository"):
        make("example", directory=tmp_path)


@pytest.mark.parametrize("stack", recorded_stacks())
def test_what_is_recorded_of_a_stack_is_what_its_plan_says(stack: str) -> None:
    run = plan_of(stack).run
    resources = [{"type": one.type, "name": one.name, "inputs": masked(one.inputs)} for one in run.registrations]
    assert facts_of(stack, resources) == read(stack), f"make plan STACK={stack} && make bootstrap-record STACK={stack}"


def prod_in_its_network(account: ProgramRun) -> dict[str, Any]:
    """prod's file as a person changes it when bootstrap has made the network."""
    config = dict(read_stack(ROOT, "prod").config)
    made = account.outputs["prod"]
    network = {
        "existing": made["network"],
        "dnsFirewall": {"wholeVpc": True, "allowedNames": ["*.githubusercontent.com"]},
    }
    cluster = json.loads(str(config[f"{PROJECT}:cluster"]))
    del cluster["privateAccessCidrs"]
    cluster["privateAccessSecurityGroups"] = [made["runner"]["securityGroupId"]]
    return {**config, f"{PROJECT}:network": json.dumps(network), f"{PROJECT}:cluster": json.dumps(cluster)}


def test_prod_takes_over_the_network_and_admits_the_runner_alone(account: ProgramRun) -> None:
    made = account.outputs["prod"]
    plan = mesh_plan.make("prod", config=prod_in_its_network(account))
    assert plan.verdict.stopping == ()
    assert of_type(plan.run, "aws:ec2/vpc:Vpc") == {}
    cluster = of_type(plan.run, "eks:index:Cluster")["cluster"]
    assert cluster.inputs["vpcId"] == made["network"]["vpcId"]
    assert cluster.inputs["privateSubnetIds"] == made["network"]["privateSubnetIds"]
    assert cluster.inputs["endpointPublicAccess"] is False
    rules = of_type(plan.run, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    ways = {name: rule.inputs for name, rule in rules.items() if name.startswith("api-")}
    group = made["runner"]["securityGroupId"]
    assert list(ways) == [f"api-{group}"]
    assert ways[f"api-{group}"]["referencedSecurityGroupId"] == group
    assert "cidrIpv4" not in ways[f"api-{group}"]


def test_the_network_is_tagged_for_the_cluster_that_will_stand_in_it(account: ProgramRun) -> None:
    # Otherwise the bootstrap's next `up` would take away the tags that the stack has set (trap 4).
    for name, subnet in of_type(account, "aws:ec2/subnet:Subnet").items():
        role = "internal-elb" if name.startswith("private") else "elb"
        tags = subnet.inputs["tags"]
        assert tags["kubernetes.io/cluster/mesh-prod"] == "shared"
        assert tags[f"kubernetes.io/role/{role}"] == "1"

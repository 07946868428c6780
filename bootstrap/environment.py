"""One environment: the roles that GitHub's jobs take, the secrets' key, the state's bucket."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from bootstrap.policies import (
    ROLE_PATH,
    bucket_policy,
    deploy_policies,
    deploy_subjects,
    key_policy,
    preview_subjects,
    read_policy,
    role_arn,
    role_name,
    state_access,
    trust,
)
from bootstrap.recorded import PlanFacts
from bootstrap.settings import Environment as EnvironmentSettings
from manifests.iam import Policy

_HOUR = 3600


@dataclass(frozen=True, kw_only=True)
class EnvironmentArgs:
    settings: EnvironmentSettings
    plan: PlanFacts
    account: str
    region: str
    subject: str
    """The beginning of the repository's subject claims."""
    provider_arn: pulumi.Input[str]


class Environment(pulumi.ComponentResource):
    preview_role_arn: pulumi.Output[str]
    deploy_role_arn: pulumi.Output[str]
    backend_url: pulumi.Output[str]
    """For `pulumi login`."""
    secrets_provider: pulumi.Output[str]
    """For `pulumi stack init --secrets-provider`."""

    def __init__(self, name: str, args: EnvironmentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mesh:environment:Environment", name, None, opts)
        self._name, self._args = name, args
        settings = args.settings
        preview = self._role("preview", preview_subjects(args.subject, settings.branch), hours=1)
        # The ALB alone may take 20 minutes to go; an hour is too short for a whole cluster.
        deploy = self._role("deploy", deploy_subjects(args.subject, settings.name), hours=2)
        reads = self._policy("reads", read_policy(args.plan))
        for kind, role in (("preview", preview), ("deploy", deploy)):
            self._attach(f"{kind}-reads", role, reads)
            access = state_access(settings.state_bucket, write=kind == "deploy")
            aws.iam.RolePolicy(f"{name}-{kind}-state", role=role.id, policy=json.dumps(access), opts=self._child())
        for group, document in deploy_policies(args.plan, args.account).items():
            self._attach(f"deploy-{group}", deploy, self._policy(group, document))
        key = self._key(preview, deploy)
        bucket = self._state(key)
        self.preview_role_arn, self.deploy_role_arn = preview.arn, deploy.arn
        self.backend_url = pulumi.Output.concat("s3://", bucket.bucket, f"?region={args.region}")
        alias = aws.kms.Alias(name, name=f"alias/mesh-{settings.name}", target_key_id=key.key_id, opts=self._child())
        self.secrets_provider = pulumi.Output.concat("awskms://", alias.name, f"?region={args.region}")
        self.register_outputs(
            {
                "preview_role_arn": self.preview_role_arn,
                "deploy_role_arn": self.deploy_role_arn,
                "backend_url": self.backend_url,
                "secrets_provider": self.secrets_provider,
            }
        )

    def _child(self, *depends_on: pulumi.Resource, protect: bool = False) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(depends_on), protect=protect)

    def _role(self, kind: str, subjects: tuple[str, ...], *, hours: int) -> aws.iam.Role:
        environment = self._args.settings.name
        return aws.iam.Role(
            f"{self._name}-{kind}",
            name=role_name(environment, kind),
            path=ROLE_PATH,
            description=f"GitHub's jobs of {self._args.subject}: {kind} of {environment}",
            assume_role_policy=pulumi.Output.json_dumps(trust(self._args.provider_arn, subjects)),
            max_session_duration=hours * _HOUR,
            opts=self._child(),
        )

    def _policy(self, group: str, document: Policy) -> aws.iam.Policy:
        return aws.iam.Policy(
            f"{self._name}-{group}",
            name=role_name(self._args.settings.name, group),
            path=ROLE_PATH,
            description=f"Of the plan of stack {self._args.plan.stack}: {group}",
            policy=json.dumps(document, separators=(",", ":")),
            opts=self._child(),
        )

    def _attach(self, what: str, role: aws.iam.Role, policy: aws.iam.Policy) -> None:
        aws.iam.RolePolicyAttachment(f"{self._name}-{what}", role=role.name, policy_arn=policy.arn, opts=self._child())

    def _key(self, *roles: aws.iam.Role) -> aws.kms.Key:
        settings, account = self._args.settings, self._args.account
        document = key_policy(
            account=account,
            administrators=settings.key_administrators,
            deployer=role_arn(account, settings.name, "deploy"),
            previewer=role_arn(account, settings.name, "preview"),
        )
        return aws.kms.Key(
            self._name,
            description=f"Secrets and state of the mesh's environment {settings.name}",
            policy=json.dumps(document),
            enable_key_rotation=True,
            deletion_window_in_days=30,
            # KMS refuses a policy that names a role which is not there.
            opts=self._child(*roles, protect=True),
        )

    def _state(self, key: aws.kms.Key) -> aws.s3.Bucket:
        settings = self._args.settings
        bucket = aws.s3.Bucket(self._name, bucket=settings.state_bucket, opts=self._child(protect=True))
        closed = aws.s3.BucketPublicAccessBlock(
            self._name,
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._child(),
        )
        versions = aws.s3.BucketVersioning(
            self._name,
            bucket=bucket.id,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=self._child(),
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            self._name,
            bucket=bucket.id,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                        sse_algorithm="aws:kms", kms_master_key_id=key.arn
                    ),
                    bucket_key_enabled=True,
                )
            ],
            opts=self._child(),
        )
        aws.s3.BucketOwnershipControls(
            self._name,
            bucket=bucket.id,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=self._child(),
        )
        document = bucket_policy(
            settings.state_bucket, account=self._args.account, administrators=settings.key_administrators
        )
        aws.s3.BucketPolicy(
            self._name,
            bucket=bucket.id,
            policy=json.dumps(document),
            # Both would be refused while the other is being set, and the policy forbids switching versions off.
            opts=self._child(closed, versions),
        )
        return bucket

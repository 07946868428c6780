"""A runner in a private network: a CodeBuild project that takes the jobs of the repository's workflows.

https://docs.aws.amazon.com/codebuild/latest/userguide/action-runner-overview.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from bootstrap.policies import runner_policy
from bootstrap.settings import Runner as RunnerSettings
from manifests.iam import service_trust

_IMAGE = "aws/codebuild/amazonlinux-x86_64-standard:5.0"


@dataclass(frozen=True, kw_only=True)
class RunnerArgs:
    settings: RunnerSettings
    environment: str
    repository: str
    account: str
    region: str
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    after: Sequence[pulumi.Resource]
    """The subnets' way out."""


class Runner(pulumi.ComponentResource):
    label: pulumi.Output[str]
    """How `runs-on` begins; `-<run id>-<attempt>` follows, and CodeBuild starts a runner for that one job."""
    security_group_id: pulumi.Output[str]
    """For `cluster.privateAccessSecurityGroups`."""

    def __init__(self, name: str, args: RunnerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mesh:runner:Runner", name, None, opts)
        self._name, self._args = name, args
        project_name = f"mesh-{args.environment}-runner"
        group = self._security_group(project_name)
        logs = aws.cloudwatch.LogGroup(
            name,
            name=f"/aws/codebuild/{project_name}",
            retention_in_days=args.settings.log_retention_days,
            opts=self._child(),
        )
        project = self._project(project_name, group, logs, self._role(logs, project_name))
        aws.codebuild.Webhook(
            name,
            project_name=project.name,
            build_type="BUILD",
            filter_groups=[
                aws.codebuild.WebhookFilterGroupArgs(
                    filters=[
                        aws.codebuild.WebhookFilterGroupFilterArgs(type="EVENT", pattern="WORKFLOW_JOB_QUEUED"),
                        aws.codebuild.WebhookFilterGroupFilterArgs(
                            type="WORKFLOW_NAME", pattern=_one_of(args.settings.workflows)
                        ),
                    ]
                )
            ],
            opts=self._child(),
        )
        self.label = pulumi.Output.concat("codebuild-", project.name)
        self.security_group_id = group.id
        self.register_outputs({"label": self.label, "security_group_id": self.security_group_id})

    def _child(self, *depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(depends_on))

    def _security_group(self, project_name: str) -> aws.ec2.SecurityGroup:
        group = aws.ec2.SecurityGroup(
            self._name,
            description="The runner: calls out by HTTPS, is called by nobody",
            vpc_id=self._args.vpc_id,
            tags={"Name": project_name},
            opts=self._child(),
        )
        aws.vpc.SecurityGroupEgressRule(
            self._name,
            security_group_id=group.id,
            description="GitHub, AWS, the package registries, the cluster's API",
            cidr_ipv4="0.0.0.0/0",
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            opts=self._child(),
        )
        return group

    def _role(self, logs: aws.cloudwatch.LogGroup, project_name: str) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        args = self._args
        role = aws.iam.Role(
            self._name,
            assume_role_policy=pulumi.Output.json_dumps(
                service_trust("codebuild.amazonaws.com", account_id=args.account)
            ),
            opts=self._child(),
        )
        document = runner_policy(
            region=args.region,
            account=args.account,
            log_group=f"/aws/codebuild/{project_name}",
            connection_arn=args.settings.connection_arn,
            subnet_arns=[
                pulumi.Output.concat(f"arn:aws:ec2:{args.region}:{args.account}:subnet/", subnet)
                for subnet in args.subnet_ids
            ],
        )
        rights = aws.iam.RolePolicy(
            self._name, role=role.id, policy=pulumi.Output.json_dumps(document), opts=self._child(logs)
        )
        return role, rights

    def _project(
        self,
        name: str,
        group: aws.ec2.SecurityGroup,
        logs: aws.cloudwatch.LogGroup,
        role: tuple[aws.iam.Role, aws.iam.RolePolicy],
    ) -> aws.codebuild.Project:
        args = self._args
        return aws.codebuild.Project(
            self._name,
            name=name,
            description=f"Runs GitHub's jobs for {args.environment} in its network",
            service_role=role[0].arn,
            build_timeout=120,
            queued_timeout=60,
            source=aws.codebuild.ProjectSourceArgs(
                type="GITHUB",
                location=f"https://github.com/{args.repository}.git",
                auth=aws.codebuild.ProjectSourceAuthArgs(type="CODECONNECTIONS", resource=args.settings.connection_arn),
            ),
            artifacts=aws.codebuild.ProjectArtifactsArgs(type="NO_ARTIFACTS"),
            environment=aws.codebuild.ProjectEnvironmentArgs(
                type="LINUX_CONTAINER",
                compute_type=args.settings.compute,
                image=_IMAGE,
                image_pull_credentials_type="CODEBUILD",
                privileged_mode=False,
            ),
            vpc_config=aws.codebuild.ProjectVpcConfigArgs(
                vpc_id=args.vpc_id, subnets=list(args.subnet_ids), security_group_ids=[group.id]
            ),
            logs_config=aws.codebuild.ProjectLogsConfigArgs(
                cloudwatch_logs=aws.codebuild.ProjectLogsConfigCloudwatchLogsArgs(group_name=logs.name)
            ),
            # CodeBuild tries the role on the network when the project is made.
            opts=self._child(role[1], *args.after),
        )


def _one_of(names: Sequence[str]) -> str:
    """A regular expression that matches each name whole."""
    return f"^({'|'.join(map(re.escape, names))})$"

"""Wires the account: GitHub's provider, each environment, its network and its runner."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_aws as aws

from bootstrap.environment import Environment, EnvironmentArgs
from bootstrap.policies import AUDIENCE
from bootstrap.runner import Runner, RunnerArgs
from bootstrap.settings import GITHUB, Settings, facts
from bootstrap.settings import Environment as EnvironmentSettings
from components.network import Network, NetworkArgs


def wire(settings: Settings, opts: pulumi.ResourceOptions) -> dict[str, dict[str, Any]]:
    """What each environment's stack and repository variables are set to, by its name."""
    provider_arn = _provider_arn(settings, opts)
    return {
        environment.name: _environment(environment, settings, provider_arn, opts)
        for environment in settings.environments
    }


def _provider_arn(settings: Settings, opts: pulumi.ResourceOptions) -> pulumi.Input[str]:
    if settings.oidc_provider_arn:
        return settings.oidc_provider_arn
    # Without thumbprints: AWS takes GitHub's certificate by the CAs that it trusts itself.
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html
    provider = aws.iam.OpenIdConnectProvider(
        "github",
        url=f"https://{GITHUB}",
        client_id_lists=[AUDIENCE],
        # One per account: other repositories' roles may trust it by now.
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=True)),
    )
    return provider.arn


def _environment(
    environment: EnvironmentSettings,
    settings: Settings,
    provider_arn: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> dict[str, Any]:
    plan = facts(environment)
    made = Environment(
        environment.name,
        EnvironmentArgs(
            settings=environment,
            plan=plan,
            account=settings.account,
            region=settings.region,
            subject=settings.subject,
            provider_arn=provider_arn,
        ),
        opts=opts,
    )
    outputs: dict[str, Any] = {
        "previewRole": made.preview_role_arn,
        "deployRole": made.deploy_role_arn,
        "backendUrl": made.backend_url,
        "secretsProvider": made.secrets_provider,
    }
    if environment.network is None:
        return outputs
    network = Network(
        f"{environment.name}-network",
        NetworkArgs(settings=environment.network, region=settings.region, cluster_name=plan.cluster),
        opts=opts,
    )
    outputs["network"] = {
        "vpcId": network.vpc_id,
        "privateSubnetIds": network.private_subnet_ids,
        "publicSubnetIds": network.public_subnet_ids,
    }
    if environment.runner is None:
        return outputs
    runner = Runner(
        f"{environment.name}-runner",
        RunnerArgs(
            settings=environment.runner,
            environment=environment.name,
            repository=settings.repository,
            account=settings.account,
            region=settings.region,
            vpc_id=network.vpc_id,
            subnet_ids=network.private_subnet_list,
            after=network.ready,
        ),
        opts=opts,
    )
    return {**outputs, "runner": {"label": runner.label, "securityGroupId": runner.security_group_id}}

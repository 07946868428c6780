"""What `bootstrap/Pulumi.<stack>.yaml` may say, and every rule about it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env
from pydantic import Field, TypeAdapter

from bootstrap.recorded import PlanFacts, read, recorded_stacks
from configuration.breaches import Breach, breach
from configuration.cluster import Cluster
from configuration.kinds.aws import AccountId, Bucket, Region
from configuration.kinds.keys import AWS_KEYS, unread
from configuration.kinds.leaves import unreadable
from configuration.kinds.principals import PrincipalArn
from configuration.load_balancer import LoadBalancer
from configuration.network import Network, RetentionDays
from configuration.parsing import decoded
from configuration.problems import SettingsError
from configuration.rules import platform
from configuration.salvage import SalvagingReader
from configuration.section import section
from configuration.settings import Settings as StackSettings
from configuration.values import matching

PROJECT = "zero-trust-mesh-bootstrap"
GITHUB = "token.actions.githubusercontent.com"

_Name = Annotated[
    str,
    matching(
        r"[a-z][a-z0-9-]{0,30}",
        "It has a-z, 0-9 and '-', begins with a letter, and is at most 31 long.",
        'Write it as "prod"; it is the name of the GitHub environment too.',
    ),
]
_ConnectionArn = Annotated[
    str,
    matching(
        r"arn:aws:(codeconnections|codestar-connections):[a-z0-9-]+:\d{12}:connection/[0-9a-f-]{36}",
        "It is not the ARN of a CodeConnections connection.",
        "Make one and finish its handshake in the console (docs/runbooks/bootstrap.md), then write its ARN.",
    ),
]


@section
class Runner:
    """A CodeBuild project in the network's private subnets that takes the jobs of GitHub's workflows."""

    connection_arn: _ConnectionArn
    """To GitHub, its handshake done: only a person in the console can finish one."""
    workflows: Annotated[tuple[str, ...], Field(min_length=1)] = ("Deploy", "Drift")
    """The names of the workflows whose jobs it takes, letter by letter."""
    compute: Literal["BUILD_GENERAL1_SMALL", "BUILD_GENERAL1_MEDIUM", "BUILD_GENERAL1_LARGE"] = "BUILD_GENERAL1_MEDIUM"
    log_retention_days: RetentionDays = 365


@section
class Environment:
    name: _Name
    stack: _Name | None = None
    """The mesh's stack; its name unless said otherwise. Its plan must have been recorded: `make bootstrap-record`."""
    branch: Annotated[
        str,
        matching(r"[A-Za-z0-9._/-]{1,200}", "It is no branch's name without a wildcard.", 'Write it as "main".'),
    ] = "main"
    """Whose scheduled runs may read the environment, beside pull requests'."""
    state_bucket: Bucket
    """Of this environment alone; a bucket's name is unique in all of AWS."""
    key_administrators: Annotated[tuple[PrincipalArn, ...], Field(min_length=1)]
    """Who administers its key and may delete versions of its state. None of them can decrypt either by that."""
    network: Network | None = None
    """For a private environment: the VPC, which its stack takes over by `network.existing`."""
    runner: Runner | None = None
    """In that network."""

    @property
    def stack_name(self) -> str:
        return self.stack or self.name


@section
class Settings:
    region: Region
    profile: str | None = None
    allowed_account_ids: tuple[AccountId, ...] = ()
    """Exactly one: the account that this is about."""
    repository: Annotated[
        str,
        matching(
            r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/[A-Za-z0-9._-]{1,100}",
            "It must be owner/name of one repository.",
            'Write it as "example/mesh", without host and wildcard.',
        ),
    ]
    subject_prefix: (
        Annotated[
            str,
            matching(
                r"repo:[A-Za-z0-9@._/-]{3,200}",
                "It must be the beginning of the repository's subject claim, without a wildcard.",
                "Write what GitHub says: gh api repos/OWNER/NAME/actions/oidc/customization/sub",
            ),
        ]
        | None
    ) = None
    """Where the repository's OIDC subject has its immutable form, as new, renamed and transferred ones have since 2026
    (https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens); without it
    repo:<repository>."""
    oidc_provider_arn: (
        Annotated[
            str,
            matching(
                rf"arn:aws:iam::\d{{12}}:oidc-provider/{GITHUB}",
                "It is not the ARN of GitHub's OIDC provider.",
                f'Write it as "arn:aws:iam::111122223333:oidc-provider/{GITHUB}".',
            ),
        ]
        | None
    ) = None
    """Of the account's provider for GitHub, where there is one already: an account takes one of each URL."""
    tags: dict[str, str] = Field(default_factory=dict)
    environments: Annotated[tuple[Environment, ...], Field(min_length=1)]

    @property
    def account(self) -> str:
        return self.allowed_account_ids[0]

    @property
    def subject(self) -> str:
        return self.subject_prefix or f"repo:{self.repository}"


def load() -> Settings:
    """Raises `pulumi.RunError` with every problem at once, before any resource is registered."""
    try:
        return parse(pulumi.get_stack(), {**get_config_env(), **CONFIG.get()})
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from None


def parse(stack: str, config: Mapping[str, Any]) -> Settings:
    """The same for a plain mapping. Raises `SettingsError`."""
    problems = [problem for key, value in config.items() if (problem := unread(key, value, PROJECT)) is not None]
    tree: dict[str, Any] = {}
    for key, value in config.items():
        namespace, _, name = key.partition(":")
        if (target := AWS_KEYS.get(key) or (name if namespace == PROJECT else None)) and value not in ("", None):
            tree[target] = copy.deepcopy(decoded(value))
    problems += unreadable(tree)
    if problems:
        raise SettingsError(stack, problems)
    settings, problems = SalvagingReader(TypeAdapter(Settings), placeholders={}).read(tree)
    if settings is not None:
        refused = tuple(problem.path for problem in problems)
        problems += [found.problem for found in _breaches(settings) if not found.depends_on_any(refused)]
    if problems or settings is None:
        raise SettingsError(stack, problems)
    return settings


def facts(environment: Environment) -> PlanFacts:
    return read(environment.stack_name)


def _breaches(settings: Settings) -> Iterator[Breach]:
    if len(settings.allowed_account_ids) != 1:
        yield breach(
            "aws:allowedAccountIds",
            settings.allowed_account_ids,
            "Roles and policies name the account, and it must be the one that the credentials are of: exactly one.",
            'Write ["111122223333"], with the number of the account.',
        )
        return
    if settings.oidc_provider_arn and f"::{settings.account}:" not in settings.oidc_provider_arn:
        yield breach(
            "oidcProviderArn",
            settings.oidc_provider_arn,
            f"It is of another account than {settings.account}: no role of this one can trust it.",
            "Name this account's, or leave it out and one is made.",
            "aws:allowedAccountIds",
        )
    if "environment" in {key.lower() for key in settings.tags}:
        yield breach(
            "tags.environment",
            settings.tags,
            "A deployer may change what carries its environment's tag: with it, its own role and the state's bucket.",
            "Choose another key.",
        )
    for what, values in (
        ("name", [one.name for one in settings.environments]),
        ("stateBucket", [one.state_bucket for one in settings.environments]),
        ("stack", [one.stack_name for one in settings.environments]),
    ):
        for index, value in enumerate(values):
            if value in values[:index]:
                yield breach(
                    f"environments[{settings.environments[index].name}].{what}",
                    value,
                    "Two environments have it: whoever deploys one would deploy the other.",
                    "Give each its own.",
                )
    private = [one.name for one in settings.environments if one.network is not None]
    if len(private) > 1:
        yield breach(
            f"environments[{private[1]}].network",
            "(set)",
            f"{private[0]} has one already, and a stack makes one network: their parts would have one name each.",
            "Give each further private environment a stack of its own here, with oidcProviderArn.",
        )
    for environment in settings.environments:
        yield from _of_environment(environment, settings)


def _of_environment(environment: Environment, settings: Settings) -> Iterator[Breach]:
    path = f"environments[{environment.name}]"
    known = recorded_stacks()
    if environment.stack_name not in known:
        yield breach(
            f"{path}.stack",
            environment.stack_name,
            "Its deployer's rights follow from its plan, and nobody recorded one; there are "
            f"{', '.join(known) or 'none'}.",
            f"make plan STACK={environment.stack_name} && make bootstrap-record STACK={environment.stack_name}",
        )
        return
    if environment.network is None:
        if environment.runner is not None:
            yield breach(
                f"{path}.runner",
                "(set)",
                "A runner stands in a network made here, and there is none.",
                f"Set {path}.network, or remove the runner.",
            )
        return
    if environment.runner and f":{settings.region}:{settings.account}:" not in environment.runner.connection_arn:
        yield breach(
            f"{path}.runner.connectionArn",
            environment.runner.connection_arn,
            f"It is of another region or account than {settings.region} of {settings.account}.",
            "Make a connection there.",
        )
    yield from _of_network(environment, settings, path)


def _of_network(environment: Environment, settings: Settings, path: str) -> Iterator[Breach]:
    plan, network = facts(environment), environment.network
    if network is None:
        return
    if plan.region != settings.region:
        yield breach(
            f"{path}.network",
            settings.region,
            f"Stack {plan.stack} is in {plan.region}: its cluster cannot stand in a network of another region.",
            "Bootstrap that region from a stack of its own.",
        )
        return
    for name, value in (("existing", network.existing), ("dnsFirewall", network.dns_firewall)):
        if value is not None:
            yield breach(
                f"{path}.network.{name}",
                "(set)",
                "This network is made here, for the stack to take over.",
                "Remove it; the DNS firewall is the stack's own (network.dnsFirewall there, with wholeVpc).",
            )
            return
    # The mesh's own rules about a network, as it would read it.
    whole = StackSettings(
        region=settings.region,
        environment="none",
        network=network,
        cluster=Cluster(name=plan.cluster),
        load_balancer=LoadBalancer(domain="none.invalid"),
    )
    for rule in (platform.network_is_one_of_three, platform.zones, platform.vpc_size, platform.subnets_fit):
        for found in rule(whole):
            yield breach(
                f"{path}.{found.problem.path}",
                found.problem.value.strip('"'),
                found.problem.rule,
                found.problem.remedy,
            )

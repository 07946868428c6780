"""What the bootstrap's file may not say: each with path, rule and remedy."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from bootstrap.settings import PROJECT, parse
from configuration.problems import Problem, SettingsError

ADMINISTRATOR = "arn:aws:iam::444455556666:role/platform-engineers"
CONNECTION = "arn:aws:codeconnections:eu-west-1:444455556666:connection/01234567-89ab-cdef-0123-456789abcdef"
ACCOUNT: dict[str, Any] = {
    "aws:region": "eu-west-1",
    "aws:allowedAccountIds": ["444455556666"],
    f"{PROJECT}:repository": "example/mesh",
    f"{PROJECT}:environments": [
        {"name": "dev", "stateBucket": "state-dev", "keyAdministrators": [ADMINISTRATOR]},
        {
            "name": "prod",
            "stateBucket": "state-prod",
            "keyAdministrators": [ADMINISTRATOR],
            "network": {"cidr": "10.40.0.0/16", "zones": ["eu-west-1a", "eu-west-1b"]},
            "runner": {"connectionArn": CONNECTION},
        },
    ],
}
Change = Callable[[dict[str, Any]], None]


def top(key: str, value: Any) -> Change:
    def change(config: dict[str, Any]) -> None:
        config[key if ":" in key else f"{PROJECT}:{key}"] = value

    return change


def of(index: int, **values: Any) -> Change:
    def change(config: dict[str, Any]) -> None:
        environment = config[f"{PROJECT}:environments"][index]
        environment.update({key: value for key, value in values.items() if value is not None})
        for key in [key for key, value in values.items() if value is None]:
            del environment[key]

    return change


BAD: dict[str, tuple[Change, str, str]] = {
    "a wildcard for the repository": (top("repository", "example/*"), "repository", "owner/name of one repository"),
    "a subject that anyone's repository has": (top("subjectPrefix", "repo:*"), "subjectPrefix", "without a wildcard"),
    "no account": (top("aws:allowedAccountIds", []), "aws:allowedAccountIds", "exactly one"),
    "two accounts": (top("aws:allowedAccountIds", ["1" * 12, "2" * 12]), "aws:allowedAccountIds", "exactly one"),
    "another account's provider": (
        top("oidcProviderArn", "arn:aws:iam::999999999999:oidc-provider/token.actions.githubusercontent.com"),
        "oidcProviderArn",
        "another account",
    ),
    "a provider of somebody else": (
        top("oidcProviderArn", "arn:aws:iam::444455556666:oidc-provider/gitlab.com"),
        "oidcProviderArn",
        "GitHub's OIDC provider",
    ),
    "the tag that deployers may change": (top("tags", {"Environment": "prod"}), "tags.environment", "its own role"),
    "no environment": (top("environments", []), "environments", "must not be empty"),
    "a key of the mesh's own file": (top("zero-trust-mesh:network", {}), "zero-trust-mesh:network", "Nothing here"),
    "a misspelt key": (top("repositry", "a/b"), "repositry", "No setting has this name"),
    "an environment's misspelt key": (of(0, bucket="b"), "environments[dev].bucket", "No setting has this name"),
    "two of one name": (of(1, name="dev"), "environments[dev].name", "Two environments"),
    "one bucket for two": (of(1, stateBucket="state-dev"), "environments[prod].stateBucket", "Two environments"),
    "one stack for two": (of(1, stack="dev"), "environments[prod].stack", "Two environments"),
    "a stack that nobody planned": (of(0, stack="staging"), "environments[dev].stack", "nobody recorded one"),
    "a branch with a wildcard": (of(0, branch="release/*"), "environments[dev].branch", "without a wildcard"),
    "a bucket that is none": (of(0, stateBucket="State"), "environments[dev].stateBucket", "not the name of a bucket"),
    "nobody for the key": (of(0, keyAdministrators=[]), "environments[dev].keyAdministrators", "must not be empty"),
    "everybody for the key": (
        of(0, keyAdministrators=["arn:aws:iam::444455556666:root"]),
        "environments[dev].keyAdministrators[0]",
        "root user",
    ),
    "a runner without a network": (of(1, network=None), "environments[prod].runner", "there is none"),
    "a second network": (
        of(0, network={"cidr": "10.20.0.0/16", "zones": ["eu-west-1a", "eu-west-1b"]}),
        "environments[prod].network",
        "a stack makes one network",
    ),
    "a network that is there": (
        of(1, network={"existing": {"vpcId": "vpc-0123456789abcdef0", "privateSubnetIds": []}}, runner=None),
        "environments[prod].network.existing",
        "made here",
    ),
    "a network too small": (
        of(1, network={"cidr": "10.40.0.0/24", "zones": ["eu-west-1a", "eu-west-1b"]}),
        "environments[prod].network.cidr",
        "/",
    ),
    "zones of another region": (
        of(1, network={"cidr": "10.40.0.0/16", "zones": ["us-east-1a", "us-east-1b"]}),
        "environments[prod].network.zones[0]",
        "eu-west-1",
    ),
    "a region without the stack": (top("aws:region", "eu-central-1"), "environments[prod].network", "is in eu-west-1"),
    "a connection elsewhere": (
        of(1, runner={"connectionArn": CONNECTION.replace("eu-west-1", "us-east-1")}),
        "environments[prod].runner.connectionArn",
        "another region",
    ),
    "a connection that is none": (
        of(1, runner={"connectionArn": "github"}),
        "environments[prod].runner.connectionArn",
        "CodeConnections",
    ),
}


def problems(change: Change) -> tuple[Problem, ...]:
    config = copy.deepcopy(ACCOUNT)
    change(config)
    with pytest.raises(SettingsError) as refusal:
        parse("example", config)
    return refusal.value.problems


@pytest.mark.parametrize("name", BAD)
def test_a_bad_setting_is_named_with_its_rule_and_remedy(name: str) -> None:
    change, path, rule = BAD[name]
    found = [problem for problem in problems(change) if problem.path == path]
    assert found, problems(change)
    assert rule in found[0].rule
    assert found[0].remedy


def test_all_problems_come_at_once() -> None:
    def change(config: dict[str, Any]) -> None:
        top("repository", "x")(config)
        of(0, branch="*")(config)
        of(1, network=None)(config)

    assert {problem.path for problem in problems(change)} == {"repository", "environments[dev].branch"}


def test_a_repository_with_immutable_claims_is_trusted_by_them() -> None:
    config = copy.deepcopy(ACCOUNT)
    assert parse("example", config).subject == "repo:example/mesh"
    top("subjectPrefix", "repo:example@123456/mesh@456789")(config)
    assert parse("example", config).subject == "repo:example@123456/mesh@456789"

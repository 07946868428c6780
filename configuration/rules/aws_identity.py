"""Rules on what applications may do in AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from configuration.breaches import Breach, breach
from configuration.rules.each import each_application
from configuration.settings import Settings

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: 10,240 characters in a role's inline
# policies, blanks not counted. Each statement and its keys take about 60 beside what stands in it.
_MOST_CHARACTERS = 10_240
_OF_A_STATEMENT = 60
_OF_A_VALUE = 3


def identities_are_limited(settings: Settings) -> Iterator[Breach]:
    for _, application, where in each_application(settings):
        path = f"{where}.awsPolicy"
        for index, statement in enumerate(application.aws_policy):
            if statement.on_everything and statement.wildcards:
                yield breach(
                    f"{path}[{index}].actions",
                    list(statement.wildcards),
                    "A wildcard of actions on every resource of the account is no limit at all.",
                    "Name the actions, or the resources.",
                    f"{path}[{index}].resources",
                )
        written = sum(
            _OF_A_STATEMENT + sum(len(value) + _OF_A_VALUE for value in (*statement.actions, *statement.resources))
            for statement in application.aws_policy
        )
        if written > _MOST_CHARACTERS:
            yield breach(
                path,
                f"(about {written} characters)",
                f"IAM takes {_MOST_CHARACTERS} characters in the policy of a role.",
                "Name fewer actions and resources, e.g. a prefix of them.",
            )


def managed_secrets_reach_their_pods(settings: Settings) -> Iterator[Breach]:
    for _, application, where in each_application(settings):
        path = f"{where}.environment"
        seen: dict[tuple[str, str], str] = {}
        for variable, secret in application.managed_secrets.items():
            yield from _one_secret(settings, f"{path}.{variable}", variable, secret)
            if application.workload == "external":
                yield breach(
                    f"{path}.{variable}",
                    secret[0],
                    "Another pipeline deploys this workload: a file named here would never be in it.",
                    'Remove it, or set workload to "managed".',
                )
            if secret in seen:
                yield breach(
                    f"{path}.{variable}",
                    "#".join(filter(None, secret)),
                    f"{seen[secret]} names the same: AWS's provider writes it into one file.",
                    "Let the application read that one.",
                )
            seen[secret] = variable


def _one_secret(settings: Settings, path: str, variable: str, secret: tuple[str, str]) -> Iterator[Breach]:
    if not variable.endswith("_FILE"):
        yield breach(
            path,
            "#".join(filter(None, secret)),
            "The variable holds the path of a file with the secret, and not the secret: its name must say so.",
            f'Rename it to "{variable}_FILE", and let the application read that file.',
        )
    if settings.cluster.existing:
        yield breach(
            path,
            "#".join(filter(None, secret)),
            "It takes an add-on of EKS that defines kinds in the cluster, and this cluster is somebody else's.",
            "Take it from a Kubernetes Secret: {secretRef: name/key}.",
            "cluster.existing",
        )


RULES: tuple[Callable[[Settings], Iterator[Breach]], ...] = (
    identities_are_limited,
    managed_secrets_reach_their_pods,
)

"""The documents: who may take which role, what it may then do, who uses the key and who touches the state."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from bootstrap.recorded import PlanFacts
from bootstrap.rights import LINKED, PASSED_TO, RIGHTS, Grant, Group
from bootstrap.settings import GITHUB
from manifests.iam import Policy, allow, policy

ROLE_PATH = "/github/"
"""Of the roles made here: no deployer's rights reach below it."""
AUDIENCE = "sts.amazonaws.com"
"""That aws-actions/configure-aws-credentials asks for."""
LARGEST_POLICY = 6144
"""Characters of a managed policy: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""

_ENVIRONMENT = "environment"
"""The tag that the mesh's program puts on everything (`__main__.py`)."""


def role_name(environment: str, kind: str) -> str:
    return f"mesh-{environment}-{kind}"


def role_arn(account: str, environment: str, kind: str) -> str:
    return f"arn:aws:iam::{account}:role{ROLE_PATH}{role_name(environment, kind)}"


def trust(provider_arn: Any, subjects: Iterable[str]) -> Policy:
    """Lets jobs of one repository take a role. subjects: whole ones, compared letter by letter.

    provider_arn may be an Output.
    https://docs.github.com/en/actions/reference/security/oidc#example-subject-claims
    """
    return policy(
        {
            "Effect": "Allow",
            "Principal": {"Federated": provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{GITHUB}:aud": AUDIENCE, f"{GITHUB}:sub": sorted(subjects)}},
        }
    )


def preview_subjects(subject: str, branch: str) -> tuple[str, ...]:
    """Of pull requests of the repository itself (a fork's gets no token), and of runs of the branch (drift)."""
    return (f"{subject}:pull_request", f"{subject}:ref:refs/heads/{branch}")


def deploy_subjects(subject: str, environment: str) -> tuple[str, ...]:
    """Of jobs in the GitHub environment alone, whose rules say from which branch and after whose approval."""
    return (f"{subject}:environment:{environment}",)


def deploy_policies(plan: PlanFacts, account: str) -> dict[Group, Policy]:
    """What a stack's plan takes, a policy for each group that it has anything of."""
    found: dict[Group, Policy] = {}
    for group in get_args(Group):
        rows = [RIGHTS[type_] for type_ in plan.types if RIGHTS[type_].group == group]
        if statements := list(_merged([grant for row in rows for grant in row.writes], plan, account)):
            found[group] = policy(*statements)
    return found


def read_policy(plan: PlanFacts) -> Policy:
    """What a preview that refreshes reads; of the stack's region, or of a service that has none."""
    actions = sorted({action for type_ in plan.types for action in RIGHTS[type_].reads.split()})
    everywhere = [action for action in actions if action.startswith(("iam:", "route53:"))]
    regional = [action for action in actions if action not in everywhere]
    return policy(
        allow(everywhere, "*"),
        allow(regional, "*", {"StringEquals": {"aws:RequestedRegion": plan.region}}),
    )


def state_access(bucket: str, *, write: bool) -> Policy:
    """A stack's state in its bucket; for a deployer with the lock, a file that it makes and removes
    (pulumi/pulumi, pkg/backend/diy/lock.go)."""
    objects = ["s3:GetObject", *(("s3:PutObject", "s3:DeleteObject") if write else ())]
    return policy(
        allow(["s3:ListBucket", "s3:GetBucketLocation"], f"arn:aws:s3:::{bucket}"),
        allow(objects, f"arn:aws:s3:::{bucket}/.pulumi/*"),
    )


def bucket_policy(bucket: str, *, account: str, administrators: Iterable[str]) -> Policy:
    """Nothing but TLS, nobody of another account, and no version gone but by an administrator's hand: a deployer that
    deletes or overwrites state leaves what was there."""
    both = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    return policy(
        _deny("TlsOnly", ["s3:*"], both, {"Bool": {"aws:SecureTransport": "false"}}),
        _deny("OwnAccountOnly", ["s3:*"], both, {"StringNotEquals": {"aws:PrincipalAccount": account}}),
        _deny(
            "VersionsStay",
            ["s3:DeleteObjectVersion", "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration", "s3:DeleteBucket"],
            both,
            {"ArnNotEquals": {"aws:PrincipalArn": sorted(administrators)}},
        ),
    )


def key_policy(*, account: str, administrators: Iterable[str], deployer: str, previewer: str) -> Policy:
    """Who administers a key does not use it, and nobody else of the account does by an IAM policy alone.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#key-policy-default-allow-root-enable-iam:
    with the usual statement for the account's root, whoever has `kms:Decrypt` on `*` could decrypt. The deployer also
    has the state itself encrypted, through S3.
    """
    return policy(
        _on_key("Administrators", sorted(administrators), _KEY_ADMINISTRATION),
        # The account's root user, so that a key whose administrators are gone can still be had back; by no IAM policy.
        _on_key(
            "LastResort",
            f"arn:aws:iam::{account}:root",
            _KEY_ADMINISTRATION,
            {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{account}:root"}},
        ),
        _on_key(
            "Deployer",
            deployer,
            ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
        ),
        _on_key("Previewer", previewer, ["kms:Decrypt", "kms:DescribeKey"]),
    )


_KEY_ADMINISTRATION = [
    "kms:CancelKeyDeletion",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:UpdateKeyDescription",
]


def runner_policy(*, region: str, account: str, log_group: str, connection_arn: str, subnet_arns: Any) -> Policy:
    """Of the build that runs the runner: its log, its interfaces, its connection. Jobs have roles of their own.

    subnet_arns may be an Output.
    https://docs.aws.amazon.com/codebuild/latest/userguide/auth-and-access-control-iam-identity-based-access-control.html
    https://docs.aws.amazon.com/codebuild/latest/userguide/connections-github-app.html
    """
    return policy(
        allow(
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            f"arn:aws:logs:{region}:{account}:log-group:{log_group}:*",
        ),
        allow(
            [
                "ec2:CreateNetworkInterface",
                "ec2:DeleteNetworkInterface",
                "ec2:DescribeDhcpOptions",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcs",
            ],
            "*",
        ),
        allow(
            ["ec2:CreateNetworkInterfacePermission"],
            f"arn:aws:ec2:{region}:{account}:network-interface/*",
            {
                "StringEquals": {"ec2:AuthorizedService": "codebuild.amazonaws.com"},
                "ArnEquals": {"ec2:Subnet": subnet_arns},
            },
        ),
        allow(["codeconnections:GetConnection", "codeconnections:GetConnectionToken"], connection_arn),
    )


def _merged(grants: Iterable[Grant], plan: PlanFacts, account: str) -> Iterator[dict[str, Any]]:
    """A statement for each place and condition, with every action on it."""
    actions: dict[tuple[tuple[str, ...], str], set[str]] = {}
    for grant in grants:
        place = tuple(sorted({arn for template in grant.on for arn in _arns(template, plan, account)}))
        if place:
            names = {f"{grant.service}:{action}" for action in grant.actions.split()}
            actions.setdefault((place, grant.condition), set()).update(names)
    for (place, condition), names in sorted(actions.items()):
        resource = place[0] if len(place) == 1 else list(place)
        yield allow(sorted(names), resource, _condition(condition, plan, place))


def _arns(template: str, plan: PlanFacts, account: str) -> Iterator[str]:
    several = {"role": plan.roles, "log_group": plan.log_groups, "zone": plan.zones}
    names = next((values for name, values in several.items() if f"{{{name}}}" in template), ("",))
    for name in names:
        known = {"region": plan.region, "account": account, "cluster": plan.cluster, **dict.fromkeys(several, name)}
        yield re.sub(r"\{(\w+)\}", lambda match, known=known: known[match[1]], template)


def _condition(kind: str, plan: PlanFacts, place: tuple[str, ...]) -> dict[str, Any] | None:
    match kind:
        case "made":
            return {"StringEquals": {f"aws:RequestTag/{_ENVIRONMENT}": plan.environment}}
        case "ours":
            return {"StringEquals": {f"aws:ResourceTag/{_ENVIRONMENT}": plan.environment}}
        case "passed":
            return {"StringEquals": {"iam:PassedToService": list(PASSED_TO)}}
        case "attached":
            return {
                "ArnEquals": {"iam:PolicyARN": list(plan.managed_policies)},
                "StringEquals": {f"aws:ResourceTag/{_ENVIRONMENT}": plan.environment},
            }
        case "linked":
            return {"StringEquals": {"iam:AWSServiceName": list(LINKED)}}
    # An action without a resource is limited to the stack's region.
    return {"StringEquals": {"aws:RequestedRegion": plan.region}} if place == ("*",) else None


def _deny(name: str, actions: list[str], resource: list[str], condition: dict[str, Any]) -> dict[str, Any]:
    return {
        "Sid": name,
        "Effect": "Deny",
        "Principal": "*",
        "Action": actions,
        "Resource": resource,
        "Condition": condition,
    }


def _on_key(name: str, principals: Any, actions: list[str], condition: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"Sid": name, "Principal": {"AWS": principals}, **allow(actions, "*", condition)}

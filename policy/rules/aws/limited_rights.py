"""MR706: No role may do everything to everything, and none may be taken by anyone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack

_ROLE = "aws:iam/role:Role"
_POLICIES = ("aws:iam/rolePolicy:RolePolicy", "aws:iam/policy:Policy")
_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
_TOO_MUCH = ("/AdministratorAccess", "/PowerUserAccess", "/IAMFullAccess")


@rule(
    "MR706",
    "AWS",
    title="No role may do everything to everything, and none may be taken by anyone.",
    why="`*` on `*`, or a service's every action, makes of one taken pod a taken account.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html; "
    "https://docs.aws.amazon.com/config/latest/developerguide/iam-policy-no-statements-with-admin-access.html; "
    "https://docs.aws.amazon.com/config/latest/developerguide/iam-policy-no-statements-with-full-access.html",
    severity="critical",
    remedy="Name the actions and the resources; manifests/iam.py has each policy with its source.",
    about=(_ROLE, *_POLICIES, _ATTACHMENT),
)
def limited_rights(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if resource.type == _ATTACHMENT:
        arn = str(resource.at("policyArn"))
        if arn.endswith(_TOO_MUCH):
            yield Flaw(field="policyArn", value=arn)
    elif resource.type == _ROLE:
        for path, statement in _statements(resource, "assumeRolePolicy"):
            principal = statement.get("Principal")
            if principal == "*" or (isinstance(principal, dict) and "*" in _several(principal.get("AWS"))):
                yield Flaw(field=f"{path}.Principal", value=shown(principal))
    else:
        for path, statement in _statements(resource, "policy"):
            yield from _allowed(statement, path)


def _statements(resource: Resource, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    document = resource.at(name)
    document = json.loads(document) if isinstance(document, str) else document
    for number, statement in enumerate(_several((document or {}).get("Statement"))):
        if statement.get("Effect") == "Allow":
            yield f"{name}.Statement[{number}]", statement


def _allowed(statement: dict[str, Any], path: str) -> Iterator[Flaw]:
    actions = [str(action) for action in _several(statement.get("Action"))]
    if "NotAction" in statement:
        yield Flaw(field=f"{path}.NotAction", value=shown(statement["NotAction"]))
    whole = [action for action in actions if action == "*" or action.endswith(":*")]
    if whole and "*" in _several(statement.get("Resource")):
        yield Flaw(field=f"{path}.Action", value=", ".join(whole), says="on every resource")


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]

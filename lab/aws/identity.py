"""IAM in the lab's account: the roles and what they may do."""

from __future__ import annotations

import json
from typing import Any

from lab.aws.made import Aws, Inputs, Made, Maker, given, tag_list


def _document(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _role(aws: Aws, inputs: Inputs) -> Made:
    iam = aws.client("iam")
    name = inputs["name"]
    role = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=_document(inputs["assumeRolePolicy"]),
        Tags=tag_list(inputs.get("tags")),
        **given(
            Path=inputs.get("path"),
            Description=inputs.get("description"),
            PermissionsBoundary=inputs.get("permissionsBoundary"),
            MaxSessionDuration=inputs.get("maxSessionDuration"),
        ),
    )["Role"]
    for arn in inputs.get("managedPolicyArns") or ():
        _attach(aws, name, arn)
    return Made(id=name, outputs={"arn": role["Arn"], "name": name, "uniqueId": role["RoleId"]})


def _attach(aws: Aws, role: str, arn: str) -> None:
    iam = aws.client("iam")
    if arn.startswith("arn:aws:iam::aws:policy/"):
        _managed_policy(aws, arn)
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)


def _managed_policy(aws: Aws, arn: str) -> None:
    """AWS's managed policies are not loaded in the stand-in (it would take seconds): one that is used is looked up."""
    iam = aws.client("iam")
    try:
        iam.get_policy(PolicyArn=arn)
    except iam.exceptions.NoSuchEntityException as problem:
        raise ValueError(f"AWS has no managed policy {arn}") from problem


def _delete_role(aws: Aws, inputs: Inputs, made: Made) -> None:
    """Refused by IAM while a resource of its own still attaches something, as it should be."""
    iam = aws.client("iam")
    for arn in inputs.get("managedPolicyArns") or ():
        iam.detach_role_policy(RoleName=made.id, PolicyArn=arn)
    iam.delete_role(RoleName=made.id)


def _role_name(reference: str) -> str:
    """Pulumi takes a role by its name or its ARN."""
    return reference.rsplit("/", 1)[-1]


def _inline_policy(aws: Aws, inputs: Inputs) -> Made:
    role, name = _role_name(inputs["role"]), inputs["name"]
    aws.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=_document(inputs["policy"]))
    return Made(id=f"{role}:{name}", outputs={"name": name})


def _delete_inline_policy(aws: Aws, inputs: Inputs, made: Made) -> None:
    role, name = made.id.split(":")
    aws.client("iam").delete_role_policy(RoleName=role, PolicyName=name)


def _attachment(aws: Aws, inputs: Inputs) -> Made:
    role = _role_name(inputs["role"])
    _attach(aws, role, inputs["policyArn"])
    return Made(id=f"{role}/{inputs['policyArn']}")


def _delete_attachment(aws: Aws, inputs: Inputs, made: Made) -> None:
    aws.client("iam").detach_role_policy(RoleName=_role_name(inputs["role"]), PolicyArn=inputs["policyArn"])


MAKERS: dict[str, Maker] = {
    "aws:iam/role:Role": Maker(create=_role, delete=_delete_role),
    "aws:iam/rolePolicy:RolePolicy": Maker(create=_inline_policy, delete=_delete_inline_policy),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Maker(create=_attachment, delete=_delete_attachment),
}

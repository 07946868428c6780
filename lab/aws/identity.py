"""IAM, KMS and CloudWatch Logs in the lab's account."""

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


def _policy(aws: Aws, inputs: Inputs) -> Made:
    policy = aws.client("iam").create_policy(
        PolicyName=inputs["name"],
        PolicyDocument=_document(inputs["policy"]),
        Tags=tag_list(inputs.get("tags")),
        **given(Path=inputs.get("path"), Description=inputs.get("description")),
    )["Policy"]
    return Made(
        id=policy["Arn"],
        outputs={"arn": policy["Arn"], "name": inputs["name"], "policyId": policy["PolicyId"]},
    )


def _delete_policy(aws: Aws, inputs: Inputs, made: Made) -> None:
    aws.client("iam").delete_policy(PolicyArn=made.id)


def _attachment(aws: Aws, inputs: Inputs) -> Made:
    role = _role_name(inputs["role"])
    _attach(aws, role, inputs["policyArn"])
    return Made(id=f"{role}/{inputs['policyArn']}")


def _delete_attachment(aws: Aws, inputs: Inputs, made: Made) -> None:
    aws.client("iam").detach_role_policy(RoleName=_role_name(inputs["role"]), PolicyArn=inputs["policyArn"])


def _instance_profile(aws: Aws, inputs: Inputs) -> Made:
    iam = aws.client("iam")
    profile = iam.create_instance_profile(InstanceProfileName=inputs["name"])["InstanceProfile"]
    if inputs.get("role"):
        iam.add_role_to_instance_profile(InstanceProfileName=inputs["name"], RoleName=_role_name(inputs["role"]))
    return Made(id=inputs["name"], outputs={"arn": profile["Arn"], "name": inputs["name"]})


def _key(aws: Aws, inputs: Inputs) -> Made:
    kms = aws.client("kms")
    tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in tag_list(inputs.get("tags"))]
    policy = inputs.get("policy")
    key = kms.create_key(
        Tags=tags,
        **given(Description=inputs.get("description"), Policy=_document(policy) if policy else None),
    )["KeyMetadata"]
    if inputs.get("enableKeyRotation"):
        kms.enable_key_rotation(KeyId=key["KeyId"])
    return Made(id=key["KeyId"], outputs={"arn": key["Arn"], "keyId": key["KeyId"]})


def _alias(aws: Aws, inputs: Inputs) -> Made:
    target = inputs["targetKeyId"]
    aws.client("kms").create_alias(AliasName=inputs["name"], TargetKeyId=target)
    return Made(id=inputs["name"], outputs={"arn": aws.arn("kms", inputs["name"]), "name": inputs["name"]})


def _delete_alias(aws: Aws, inputs: Inputs, made: Made) -> None:
    aws.client("kms").delete_alias(AliasName=made.id)


def _log_group(aws: Aws, inputs: Inputs) -> Made:
    logs = aws.client("logs")
    name = inputs["name"]
    logs.create_log_group(
        logGroupName=name,
        **given(kmsKeyId=inputs.get("kmsKeyId"), tags=dict(inputs.get("tags") or {}) or None),
    )
    if inputs.get("retentionInDays"):
        logs.put_retention_policy(logGroupName=name, retentionInDays=int(inputs["retentionInDays"]))
    return Made(id=name, outputs={"arn": aws.arn("logs", f"log-group:{name}"), "name": name})


def _delete_log_group(aws: Aws, inputs: Inputs, made: Made) -> None:
    aws.client("logs").delete_log_group(logGroupName=made.id)


def _log_resource_policy(aws: Aws, inputs: Inputs) -> Made:
    name = inputs["policyName"]
    aws.client("logs").put_resource_policy(policyName=name, policyDocument=_document(inputs["policyDocument"]))
    return Made(id=name)


def _delete_log_resource_policy(aws: Aws, inputs: Inputs, made: Made) -> None:
    aws.client("logs").delete_resource_policy(policyName=made.id)


MAKERS: dict[str, Maker] = {
    "aws:iam/role:Role": Maker(create=_role, delete=_delete_role),
    "aws:iam/rolePolicy:RolePolicy": Maker(create=_inline_policy, delete=_delete_inline_policy),
    "aws:iam/policy:Policy": Maker(create=_policy, delete=_delete_policy),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Maker(create=_attachment, delete=_delete_attachment),
    "aws:iam/instanceProfile:InstanceProfile": Maker(create=_instance_profile),
    "aws:kms/key:Key": Maker(create=_key),
    "aws:kms/alias:Alias": Maker(create=_alias, delete=_delete_alias),
    "aws:cloudwatch/logGroup:LogGroup": Maker(create=_log_group, delete=_delete_log_group),
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": Maker(
        create=_log_resource_policy, delete=_delete_log_resource_policy
    ),
}

"""Security groups in the lab's account, with their rules inline or as resources of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from lab.aws.made import Aws, Inputs, Made, Maker, given, tag_list

_Direction = Literal["ingress", "egress"]


def _group(aws: Aws, inputs: Inputs) -> Made:
    ec2 = aws.client("ec2")
    tags = tag_list(inputs.get("tags"))
    made = ec2.create_security_group(
        GroupName=inputs.get("name") or f"{inputs.get('namePrefix', 'group')}-{inputs['vpcId']}",
        Description=inputs.get("description") or "Managed by Pulumi",
        VpcId=inputs["vpcId"],
        **({"TagSpecifications": [{"ResourceType": "security-group", "Tags": tags}]} if tags else {}),
    )["GroupId"]
    # As the provider does: AWS's own "everything out" goes, only what the program says stays.
    _empty(aws, made, ("egress",))
    _authorize_all(aws, made, inputs)
    return Made(id=made, outputs=_outputs(aws, made))


def _default_group(aws: Aws, inputs: Inputs) -> Made:
    ec2 = aws.client("ec2")
    groups = ec2.describe_security_groups(
        Filters=[
            {"Name": "vpc-id", "Values": [inputs["vpcId"]]},
            {"Name": "group-name", "Values": ["default"]},
        ]
    )["SecurityGroups"]
    made = groups[0]["GroupId"]
    _empty(aws, made, ("ingress", "egress"))
    _authorize_all(aws, made, inputs)
    if inputs.get("tags"):
        ec2.create_tags(Resources=[made], Tags=tag_list(inputs["tags"]))
    return Made(id=made, outputs={**_outputs(aws, made), "name": "default"})


def _outputs(aws: Aws, group: str) -> dict[str, Any]:
    return {"arn": aws.arn("ec2", f"security-group/{group}"), "ownerId": aws.account_id}


def _authorize_all(aws: Aws, group: str, inputs: Inputs) -> None:
    for direction in ("ingress", "egress"):
        for rule in inputs.get(direction) or ():
            _authorize(aws, group, direction, _permission(rule, itself=group))


def _empty(aws: Aws, group: str, directions: Iterable[_Direction]) -> None:
    ec2 = aws.client("ec2")
    found = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    for direction in directions:
        permissions = found["IpPermissions" if direction == "ingress" else "IpPermissionsEgress"]
        if permissions:
            revoke = ec2.revoke_security_group_ingress if direction == "ingress" else ec2.revoke_security_group_egress
            revoke(GroupId=group, IpPermissions=permissions)


def _authorize(aws: Aws, group: str, direction: str, permission: dict[str, Any]) -> str:
    ec2 = aws.client("ec2")
    authorize = ec2.authorize_security_group_ingress if direction == "ingress" else ec2.authorize_security_group_egress
    rules = authorize(GroupId=group, IpPermissions=[permission]).get("SecurityGroupRules") or [{}]
    return rules[0].get("SecurityGroupRuleId", "")


def _permission(rule: Inputs, *, itself: str) -> dict[str, Any]:
    """A rule of the provider (inline, or a resource of its own) as EC2's IpPermission."""
    groups = [*(rule.get("securityGroups") or ()), *([itself] if rule.get("self") else [])]
    if rule.get("sourceSecurityGroupId"):
        groups.append(rule["sourceSecurityGroupId"])
    note = given(Description=rule.get("description"))
    permission: dict[str, Any] = {"IpProtocol": str(rule["protocol"])}
    if permission["IpProtocol"] != "-1":
        permission |= {"FromPort": int(rule["fromPort"]), "ToPort": int(rule["toPort"])}
    if rule.get("cidrBlocks"):
        permission["IpRanges"] = [{"CidrIp": cidr, **note} for cidr in rule["cidrBlocks"]]
    if groups:
        permission["UserIdGroupPairs"] = [{"GroupId": group, **note} for group in groups]
    if rule.get("prefixListIds"):
        permission["PrefixListIds"] = [{"PrefixListId": list_id, **note} for list_id in rule["prefixListIds"]]
    return permission


def _ingress_rule(aws: Aws, inputs: Inputs) -> Made:
    """`aws.vpc.SecurityGroupIngressRule`: one rule, one source."""
    rule = {
        "protocol": inputs["ipProtocol"],
        "fromPort": inputs.get("fromPort"),
        "toPort": inputs.get("toPort"),
        "description": inputs.get("description"),
        "cidrBlocks": [inputs["cidrIpv4"]] if inputs.get("cidrIpv4") else [],
        "sourceSecurityGroupId": inputs.get("referencedSecurityGroupId"),
        "prefixListIds": [inputs["prefixListId"]] if inputs.get("prefixListId") else [],
    }
    group = inputs["securityGroupId"]
    made = _authorize(aws, group, "ingress", _permission(rule, itself=group))
    return Made(id=made, outputs={"securityGroupRuleId": made, "arn": aws.arn("ec2", f"security-group-rule/{made}")})


def _delete_ingress_rule(aws: Aws, inputs: Inputs, made: Made) -> None:
    aws.client("ec2").revoke_security_group_ingress(GroupId=inputs["securityGroupId"], SecurityGroupRuleIds=[made.id])


MAKERS: dict[str, Maker] = {
    "aws:ec2/securityGroup:SecurityGroup": Maker(create=_group, tagged_by_ec2=True),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Maker(create=_default_group, tagged_by_ec2=True),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": Maker(
        create=_ingress_rule, delete=_delete_ingress_rule
    ),
}

"""EC2 in the lab's account: the VPC, its subnets and their tags. Nothing reads routes, gateways or addresses."""

from __future__ import annotations

from typing import Any

from lab.aws.made import Aws, Inputs, Made, Maker, given, tag_list


def _tagged(kind: str, inputs: Inputs) -> dict[str, Any]:
    tags = tag_list(inputs.get("tags"))
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}


def _vpc(aws: Aws, inputs: Inputs) -> Made:
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock=inputs["cidrBlock"], **_tagged("vpc", inputs))["Vpc"]["VpcId"]
    for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
        wanted = inputs.get(attribute[0].lower() + attribute[1:])
        if wanted is not None:
            ec2.modify_vpc_attribute(VpcId=vpc, **{attribute: {"Value": wanted}})
    here = [{"Name": "vpc-id", "Values": [vpc]}]
    groups = ec2.describe_security_groups(Filters=[*here, {"Name": "group-name", "Values": ["default"]}])
    tables = ec2.describe_route_tables(Filters=[*here, {"Name": "association.main", "Values": ["true"]}])
    main_table = tables["RouteTables"][0]["RouteTableId"]
    return Made(
        id=vpc,
        outputs={
            "arn": aws.arn("ec2", f"vpc/{vpc}"),
            "ownerId": aws.account_id,
            "defaultSecurityGroupId": groups["SecurityGroups"][0]["GroupId"],
            "mainRouteTableId": main_table,
            "defaultRouteTableId": main_table,
        },
    )


def _subnet(aws: Aws, inputs: Inputs) -> Made:
    ec2 = aws.client("ec2")
    subnet = ec2.create_subnet(
        VpcId=inputs["vpcId"],
        CidrBlock=inputs["cidrBlock"],
        **given(AvailabilityZone=inputs.get("availabilityZone")),
        **_tagged("subnet", inputs),
    )["Subnet"]
    if inputs.get("mapPublicIpOnLaunch") is not None:
        ec2.modify_subnet_attribute(
            SubnetId=subnet["SubnetId"], MapPublicIpOnLaunch={"Value": inputs["mapPublicIpOnLaunch"]}
        )
    return Made(
        id=subnet["SubnetId"],
        outputs={"arn": subnet["SubnetArn"], "availabilityZoneId": subnet["AvailabilityZoneId"]},
    )


def _tag(aws: Aws, inputs: Inputs) -> Made:
    tag = {"Key": inputs["key"], "Value": inputs["value"]}
    aws.client("ec2").create_tags(Resources=[inputs["resourceId"]], Tags=[tag])
    return Made(id=f"{inputs['resourceId']},{inputs['key']}")


def _delete_tag(aws: Aws, inputs: Inputs, made: Made) -> None:
    aws.client("ec2").delete_tags(Resources=[inputs["resourceId"]], Tags=[{"Key": inputs["key"]}])


# What others hold on to (a VPC, a subnet) has no `delete`: taking it away means a new account.
MAKERS: dict[str, Maker] = {
    "aws:ec2/vpc:Vpc": Maker(create=_vpc, tagged_by_ec2=True),
    "aws:ec2/subnet:Subnet": Maker(create=_subnet, tagged_by_ec2=True),
    "aws:ec2/tag:Tag": Maker(create=_tag, delete=_delete_tag),
}

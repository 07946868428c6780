"""EC2 in the lab's account: the VPC and everything in it."""

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


def _internet_gateway(aws: Aws, inputs: Inputs) -> Made:
    ec2 = aws.client("ec2")
    made = ec2.create_internet_gateway(**_tagged("internet-gateway", inputs))["InternetGateway"]["InternetGatewayId"]
    if inputs.get("vpcId"):
        ec2.attach_internet_gateway(InternetGatewayId=made, VpcId=inputs["vpcId"])
    return Made(id=made, outputs={"arn": aws.arn("ec2", f"internet-gateway/{made}")})


def _eip(aws: Aws, inputs: Inputs) -> Made:
    address = aws.client("ec2").allocate_address(Domain="vpc", **_tagged("elastic-ip", inputs))
    return Made(
        id=address["AllocationId"],
        outputs={"allocationId": address["AllocationId"], "publicIp": address["PublicIp"], "domain": "vpc"},
    )


def _nat_gateway(aws: Aws, inputs: Inputs) -> Made:
    gateway = aws.client("ec2").create_nat_gateway(
        SubnetId=inputs["subnetId"],
        **given(AllocationId=inputs.get("allocationId"), ConnectivityType=inputs.get("connectivityType")),
        **_tagged("natgateway", inputs),
    )["NatGateway"]
    addresses = gateway.get("NatGatewayAddresses") or [{}]
    return Made(id=gateway["NatGatewayId"], outputs=given(publicIp=addresses[0].get("PublicIp")))


def _route_table(aws: Aws, inputs: Inputs) -> Made:
    table = aws.client("ec2").create_route_table(VpcId=inputs["vpcId"], **_tagged("route-table", inputs))
    made = table["RouteTable"]["RouteTableId"]
    for route in inputs.get("routes") or ():
        _add_route(aws, made, {**route, "destinationCidrBlock": route.get("cidrBlock")})
    return Made(id=made, outputs={"arn": aws.arn("ec2", f"route-table/{made}"), "ownerId": aws.account_id})


def _add_route(aws: Aws, table: str, route: Inputs) -> None:
    aws.client("ec2").create_route(
        RouteTableId=table,
        **given(
            DestinationCidrBlock=route.get("destinationCidrBlock"),
            GatewayId=route.get("gatewayId"),
            NatGatewayId=route.get("natGatewayId"),
        ),
    )


def _route(aws: Aws, inputs: Inputs) -> Made:
    _add_route(aws, inputs["routeTableId"], inputs)
    return Made(id=f"r-{inputs['routeTableId']}-{inputs.get('destinationCidrBlock')}", outputs={"state": "active"})


def _delete_route(aws: Aws, inputs: Inputs, made: Made) -> None:
    aws.client("ec2").delete_route(
        RouteTableId=inputs["routeTableId"], DestinationCidrBlock=inputs["destinationCidrBlock"]
    )


def _association(aws: Aws, inputs: Inputs) -> Made:
    answer = aws.client("ec2").associate_route_table(
        RouteTableId=inputs["routeTableId"],
        **given(SubnetId=inputs.get("subnetId"), GatewayId=inputs.get("gatewayId")),
    )
    return Made(id=answer["AssociationId"])


def _tag(aws: Aws, inputs: Inputs) -> Made:
    tag = {"Key": inputs["key"], "Value": inputs["value"]}
    aws.client("ec2").create_tags(Resources=[inputs["resourceId"]], Tags=[tag])
    return Made(id=f"{inputs['resourceId']},{inputs['key']}")


def _delete_tag(aws: Aws, inputs: Inputs, made: Made) -> None:
    aws.client("ec2").delete_tags(Resources=[inputs["resourceId"]], Tags=[{"Key": inputs["key"]}])


def _endpoint(aws: Aws, inputs: Inputs) -> Made:
    endpoint = aws.client("ec2").create_vpc_endpoint(
        VpcId=inputs["vpcId"],
        ServiceName=inputs["serviceName"],
        VpcEndpointType=inputs.get("vpcEndpointType") or "Gateway",
        **given(
            RouteTableIds=inputs.get("routeTableIds"),
            SubnetIds=inputs.get("subnetIds"),
            SecurityGroupIds=inputs.get("securityGroupIds"),
            PrivateDnsEnabled=inputs.get("privateDnsEnabled"),
            PolicyDocument=inputs.get("policy"),
        ),
        **_tagged("vpc-endpoint", inputs),
    )["VpcEndpoint"]
    made = endpoint["VpcEndpointId"]
    return Made(id=made, outputs={"arn": aws.arn("ec2", f"vpc-endpoint/{made}"), "state": "available"})


def _flow_log(aws: Aws, inputs: Inputs) -> Made:
    destination = inputs.get("logDestination")
    answer = aws.client("ec2").create_flow_logs(
        ResourceType="VPC",
        ResourceIds=[inputs["vpcId"]],
        TrafficType=inputs.get("trafficType") or "ALL",
        LogDestinationType=inputs.get("logDestinationType") or "cloud-watch-logs",
        **given(
            LogDestination=destination,
            LogGroupName=inputs.get("logGroupName"),
            DeliverLogsPermissionArn=inputs.get("iamRoleArn"),
            LogFormat=inputs.get("logFormat"),
            MaxAggregationInterval=inputs.get("maxAggregationInterval"),
        ),
        **_tagged("vpc-flow-log", inputs),
    )
    if answer.get("Unsuccessful"):
        raise ValueError(answer["Unsuccessful"][0]["Error"]["Message"])
    made = answer["FlowLogIds"][0]
    return Made(id=made, outputs={"arn": aws.arn("ec2", f"vpc-flow-log/{made}")})


def _launch_template(aws: Aws, inputs: Inputs) -> Made:
    data: dict[str, Any] = {}
    metadata = inputs.get("metadataOptions")
    if metadata:
        data["MetadataOptions"] = {key[0].upper() + key[1:]: value for key, value in metadata.items()}
    for device in inputs.get("blockDeviceMappings") or ():
        ebs = {key[0].upper() + key[1:]: value for key, value in (device.get("ebs") or {}).items()}
        # Pulumi takes these two as text, EC2 as booleans.
        for flag in ("Encrypted", "DeleteOnTermination"):
            if flag in ebs:
                ebs[flag] = str(ebs[flag]).lower() == "true"
        data.setdefault("BlockDeviceMappings", []).append({"DeviceName": device["deviceName"], "Ebs": ebs})
    data["TagSpecifications"] = [
        {"ResourceType": spec["resourceType"], "Tags": tag_list(spec.get("tags"))}
        for spec in inputs.get("tagSpecifications") or ()
    ]
    data.update(given(SecurityGroupIds=inputs.get("vpcSecurityGroupIds"), ImageId=inputs.get("imageId")))
    template = aws.client("ec2").create_launch_template(
        LaunchTemplateName=inputs.get("name") or f"{inputs.get('namePrefix', 'template-')}{len(data)}",
        LaunchTemplateData={key: value for key, value in data.items() if value},
        **_tagged("launch-template", inputs),
    )["LaunchTemplate"]
    return Made(
        id=template["LaunchTemplateId"],
        outputs={
            "name": template["LaunchTemplateName"],
            "arn": aws.arn("ec2", f"launch-template/{template['LaunchTemplateId']}"),
            "latestVersion": template["LatestVersionNumber"],
            "defaultVersion": template["DefaultVersionNumber"],
        },
    )


def _delete_launch_template(aws: Aws, inputs: Inputs, made: Made) -> None:
    aws.client("ec2").delete_launch_template(LaunchTemplateId=made.id)


def _delete_association(aws: Aws, inputs: Inputs, made: Made) -> None:
    aws.client("ec2").disassociate_route_table(AssociationId=made.id)


def _delete_endpoint(aws: Aws, inputs: Inputs, made: Made) -> None:
    aws.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[made.id])


def _delete_flow_log(aws: Aws, inputs: Inputs, made: Made) -> None:
    aws.client("ec2").delete_flow_logs(FlowLogIds=[made.id])


# What others hold on to (VPC, subnets, gateways, tables) has no `delete`: taking it away means a new account.
MAKERS: dict[str, Maker] = {
    "aws:ec2/vpc:Vpc": Maker(create=_vpc, tagged_by_ec2=True),
    "aws:ec2/subnet:Subnet": Maker(create=_subnet, tagged_by_ec2=True),
    "aws:ec2/internetGateway:InternetGateway": Maker(create=_internet_gateway, tagged_by_ec2=True),
    "aws:ec2/eip:Eip": Maker(create=_eip, tagged_by_ec2=True),
    "aws:ec2/natGateway:NatGateway": Maker(create=_nat_gateway, tagged_by_ec2=True),
    "aws:ec2/routeTable:RouteTable": Maker(create=_route_table, tagged_by_ec2=True),
    "aws:ec2/route:Route": Maker(create=_route, delete=_delete_route),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Maker(create=_association, delete=_delete_association),
    "aws:ec2/tag:Tag": Maker(create=_tag, delete=_delete_tag),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Maker(create=_endpoint, delete=_delete_endpoint, tagged_by_ec2=True),
    "aws:ec2/flowLog:FlowLog": Maker(create=_flow_log, delete=_delete_flow_log, tagged_by_ec2=True),
    "aws:ec2/launchTemplate:LaunchTemplate": Maker(
        create=_launch_template, delete=_delete_launch_template, tagged_by_ec2=True
    ),
}

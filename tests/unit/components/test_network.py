"""A VPC of our own, whole."""

from __future__ import annotations

import functools
import json
from ipaddress import IPv4Network
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components.network import Network, NetworkArgs
from configuration.network import Network as NetworkSettings
from configuration.network import SubnetPair
from offline.values import UNKNOWN
from tests.unit.components.recording import Recording, key_of, known, run

COMPONENT = "mesh:network:Network::network"
VPC = "aws:ec2/vpc:Vpc::vpc"
CLUSTER_TAGS = {"kubernetes.io/cluster/mesh-dev": "shared", "kubernetes.io/cluster/legacy": "shared"}


def own(**changes: Any) -> NetworkSettings:
    values: dict[str, Any] = {
        "cidr": IPv4Network("10.20.0.0/16"),
        "zones": ("eu-west-1a", "eu-west-1b"),
        "shared_with_clusters": ("legacy",),
        **changes,
    }
    return NetworkSettings(**values)


@functools.cache  # a recording is only read
def record(settings: NetworkSettings, *, preview: bool, control_plane_zones: tuple[str, ...] = ()) -> Recording:
    def program() -> dict[str, Any]:
        provider = aws.Provider("aws", region="eu-west-1")
        network = Network(
            "network",
            NetworkArgs(
                settings=settings,
                region="eu-west-1",
                cluster_name="mesh-dev",
                control_plane_zones=control_plane_zones,
            ),
            pulumi.ResourceOptions(providers={"aws": provider}),
        )
        return {
            "vpc_id": network.vpc_id,
            "vpc_cidr": network.vpc_cidr,
            "private_subnet_ids": network.private_subnet_ids,
            "public_subnet_ids": network.public_subnet_ids,
            "control_plane": [network.control_plane_private_subnet_ids, network.control_plane_public_subnet_ids],
            "ready": pulumi.Output.all(*[resource.urn for resource in network.ready]).apply(
                lambda urns: [key_of(urn) for urn in urns]
            ),
        }

    return run(program, preview=preview)


def test_every_resource_is_a_child_of_the_component_and_uses_the_explicit_provider(preview: bool) -> None:
    recording = record(own(interface_endpoints=("sts",)), preview=preview)
    assert recording[COMPONENT].parent == "", "the stack"
    children = [resource for resource in recording.resources if resource.type.startswith("aws:")]
    assert {resource.parent for resource in children} == {COMPONENT}
    assert {resource.provider for resource in children} == {"aws"}


def test_the_control_plane_keeps_the_zones_of_its_birth() -> None:
    zones = ("eu-west-1a", "eu-west-1b", "eu-west-1c")
    returned = record(own(zones=zones), preview=False, control_plane_zones=zones[:2]).returned
    assert returned["control_plane"] == [[f"{kind}-{zone}-id" for zone in zones[:2]] for kind in ("private", "public")]
    assert returned["private_subnet_ids"] == [f"private-{zone}-id" for zone in zones], "nodes stand in all of them"
    returned = record(own(zones=zones), preview=False).returned
    assert returned["control_plane"] == [returned["private_subnet_ids"], returned["public_subnet_ids"]]


def test_a_vpc_of_our_own_consists_of_exactly_these_resources(preview: bool) -> None:
    recording = record(own(nat="single"), preview=preview)
    assert sorted(recording.keys) == sorted(
        [
            "pulumi:providers:aws::aws",
            COMPONENT,
            VPC,
            "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup::default",
            "aws:ec2/internetGateway:InternetGateway::internet",
            "aws:ec2/routeTable:RouteTable::public",
            "aws:ec2/route:Route::public-default",
            *(f"aws:ec2/subnet:Subnet::{kind}-eu-west-1{zone}" for kind in ("public", "private") for zone in "ab"),
            *(
                f"aws:ec2/routeTableAssociation:RouteTableAssociation::{kind}-eu-west-1{zone}"
                for kind in ("public", "private")
                for zone in "ab"
            ),
            "aws:ec2/eip:Eip::nat-eu-west-1a",
            "aws:ec2/natGateway:NatGateway::nat-eu-west-1a",
            *(f"aws:ec2/routeTable:RouteTable::private-eu-west-1{zone}" for zone in "ab"),
            *(f"aws:ec2/route:Route::private-eu-west-1{zone}-default" for zone in "ab"),
            "aws:ec2/vpcEndpoint:VpcEndpoint::s3",
            "aws:cloudwatch/logGroup:LogGroup::flow-logs",
            "aws:iam/role:Role::flow-logs",
            "aws:iam/rolePolicy:RolePolicy::flow-logs",
            "aws:ec2/flowLog:FlowLog::flow-logs",
        ]
    )


def test_the_vpc_and_its_emptied_default_group(preview: bool) -> None:
    recording = record(own(), preview=preview)
    assert recording[VPC].inputs == {
        "cidrBlock": "10.20.0.0/16",
        "enableDnsHostnames": True,
        "enableDnsSupport": True,
        "tags": {"Name": "mesh-dev-vpc"},
    }
    group = recording["aws:ec2/defaultSecurityGroup:DefaultSecurityGroup::default"]
    assert group.inputs == {
        "vpcId": known("vpc-id", preview),
        "ingress": [],
        "egress": [],
        "tags": {"Name": "mesh-dev-default-closed"},
    }
    assert group.depends_on == (VPC,)


def test_subnets_carry_their_role_and_every_cluster_of_the_vpc(preview: bool) -> None:
    subnets = record(own(), preview=preview).of_type("aws:ec2/subnet:Subnet")
    assert {name: (subnet.inputs["cidrBlock"], subnet.inputs["tags"]) for name, subnet in subnets.items()} == {
        f"{kind}-{zone}": (cidr, {"Name": f"mesh-dev-{kind}-{zone}", f"kubernetes.io/role/{role}": "1", **CLUSTER_TAGS})
        for kind, role, zone, cidr in [
            ("public", "elb", "eu-west-1a", "10.20.192.0/22"),
            ("public", "elb", "eu-west-1b", "10.20.196.0/22"),
            ("private", "internal-elb", "eu-west-1a", "10.20.0.0/19"),
            ("private", "internal-elb", "eu-west-1b", "10.20.32.0/19"),
        ]
    }
    assert {
        (subnet.inputs["availabilityZone"], subnet.inputs["mapPublicIpOnLaunch"]) for subnet in subnets.values()
    } == {
        ("eu-west-1a", False),
        ("eu-west-1b", False),
    }


def test_prescribed_subnets_are_made_as_written(preview: bool) -> None:
    pairs = tuple(
        SubnetPair(zone=zone, private=IPv4Network(f"10.9.{n}.0/24"), public=IPv4Network(f"10.9.{n + 8}.0/27"))
        for n, zone in enumerate(("eu-west-1c", "eu-west-1a"))
    )
    recording = record(own(cidr=IPv4Network("10.9.0.0/16"), zones=(), subnets=pairs, nat="single"), preview=preview)
    subnets = recording.of_type("aws:ec2/subnet:Subnet")
    assert {name: subnet.inputs["cidrBlock"] for name, subnet in subnets.items()} == {
        "private-eu-west-1c": "10.9.0.0/24",
        "public-eu-west-1c": "10.9.8.0/27",
        "private-eu-west-1a": "10.9.1.0/24",
        "public-eu-west-1a": "10.9.9.0/27",
    }
    assert list(recording.of_type("aws:ec2/natGateway:NatGateway")) == ["nat-eu-west-1c"], "the first of the settings"


@pytest.mark.parametrize(
    ("nat", "used"),
    [
        ("single", {"eu-west-1a": "nat-eu-west-1a", "eu-west-1b": "nat-eu-west-1a"}),
        ("perZone", {"eu-west-1a": "nat-eu-west-1a", "eu-west-1b": "nat-eu-west-1b"}),
    ],
)
def test_each_zone_leaves_by_its_nat_gateway(nat: str, used: dict[str, str], preview: bool) -> None:
    recording = record(own(nat=nat), preview=preview)
    gateways = recording.of_type("aws:ec2/natGateway:NatGateway")
    assert set(gateways) == set(used.values())
    for name, gateway in gateways.items():
        zone = name.removeprefix("nat-")
        assert gateway.depends_on == (
            f"aws:ec2/eip:Eip::{name}",
            f"aws:ec2/routeTableAssociation:RouteTableAssociation::public-{zone}",
            f"aws:ec2/subnet:Subnet::public-{zone}",
        )
        needed = recording.needs(gateway.urn)
        assert "aws:ec2/route:Route::public-default" in needed, "a NAT gateway works only behind an internet gateway"
        assert recording[f"aws:ec2/eip:Eip::{name}"].inputs == {"domain": "vpc", "tags": {"Name": f"mesh-dev-{name}"}}
    for zone, name in used.items():
        route = recording[f"aws:ec2/route:Route::private-{zone}-default"]
        assert route.inputs == {
            "routeTableId": known(f"private-{zone}-id", preview),
            "destinationCidrBlock": "0.0.0.0/0",
            "natGatewayId": known(f"{name}-id", preview),
        }
        assert route.property_dependencies["natGatewayId"] == (f"aws:ec2/natGateway:NatGateway::{name}",)


def test_the_s3_endpoint_serves_every_private_route_table(preview: bool) -> None:
    endpoint = record(own(), preview=preview)["aws:ec2/vpcEndpoint:VpcEndpoint::s3"]
    assert endpoint.inputs == {
        "vpcId": known("vpc-id", preview),
        "serviceName": "com.amazonaws.eu-west-1.s3",
        "vpcEndpointType": "Gateway",
        "routeTableIds": [known(f"private-eu-west-1{zone}-id", preview) for zone in "ab"],
        "tags": {"Name": "mesh-dev-s3"},
    }


def test_interface_endpoints_admit_https_from_the_vpc_only(preview: bool) -> None:
    recording = record(own(interface_endpoints=("ecr.api", "sts")), preview=preview)
    endpoints = recording.of_type("aws:ec2/vpcEndpoint:VpcEndpoint")
    assert set(endpoints) == {"s3", "ecr.api", "sts"}
    assert endpoints["ecr.api"].inputs == {
        "vpcId": known("vpc-id", preview),
        "serviceName": "com.amazonaws.eu-west-1.ecr.api",
        "vpcEndpointType": "Interface",
        "privateDnsEnabled": True,
        "subnetIds": [known(f"private-eu-west-1{zone}-id", preview) for zone in "ab"],
        "securityGroupIds": [known("endpoints-id", preview)],
        "tags": {"Name": "mesh-dev-ecr.api"},
    }
    assert recording["aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule::endpoints-https"].inputs == {
        "securityGroupId": known("endpoints-id", preview),
        "description": "HTTPS from the VPC",
        "cidrIpv4": "10.20.0.0/16",
        "ipProtocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
    }


def test_flow_logs_are_kept_and_their_role_writes_nowhere_else() -> None:
    recording = record(own(flow_log_retention_days=14), preview=False)
    assert recording["aws:cloudwatch/logGroup:LogGroup::flow-logs"].inputs == {
        "name": "/aws/vpc/mesh-dev/flow-logs",
        "retentionInDays": 14,
    }
    assert json.loads(recording["aws:iam/role:Role::flow-logs"].inputs["assumeRolePolicy"])["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}},
        }
    ]
    group = "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/vpc/mesh-dev/flow-logs"
    assert json.loads(recording["aws:iam/rolePolicy:RolePolicy::flow-logs"].inputs["policy"])["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "Resource": f"{group}:*",
        },
        {"Effect": "Allow", "Action": ["logs:DescribeLogGroups"], "Resource": "*"},
    ]
    log = recording["aws:ec2/flowLog:FlowLog::flow-logs"]
    assert log.inputs == {
        "vpcId": "vpc-id",
        "trafficType": "ALL",
        "logDestinationType": "cloud-watch-logs",
        "logDestination": group,
        "iamRoleArn": "arn:aws:iam::111122223333:role/flow-logs",
        "maxAggregationInterval": 60,
        "tags": {"Name": "mesh-dev-flow-logs"},
    }
    assert "aws:iam/rolePolicy:RolePolicy::flow-logs" in log.depends_on


def test_what_pods_need_to_leave_the_vpc_is_handed_on() -> None:
    returned = {**record(own(), preview=False).returned}
    del returned["control_plane"]
    assert returned == {
        "vpc_id": "vpc-id",
        "vpc_cidr": "10.20.0.0/16",
        "private_subnet_ids": ["private-eu-west-1a-id", "private-eu-west-1b-id"],
        "public_subnet_ids": ["public-eu-west-1a-id", "public-eu-west-1b-id"],
        "ready": [
            *(
                key
                for zone in "ab"
                for key in (
                    f"aws:ec2/route:Route::private-eu-west-1{zone}-default",
                    f"aws:ec2/routeTableAssociation:RouteTableAssociation::private-eu-west-1{zone}",
                )
            ),
            "aws:ec2/vpcEndpoint:VpcEndpoint::s3",
        ],
    }


def test_the_outputs_are_registered(preview: bool) -> None:
    assert record(own(), preview=preview).component_outputs[COMPONENT] == {
        "vpc_id": known("vpc-id", preview),
        "vpc_cidr": "10.20.0.0/16",
        "private_subnet_ids": UNKNOWN if preview else ["private-eu-west-1a-id", "private-eu-west-1b-id"],
        "public_subnet_ids": UNKNOWN if preview else ["public-eu-west-1a-id", "public-eu-west-1b-id"],
    }

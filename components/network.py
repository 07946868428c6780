"""The VPC: one of our own from the address plan, or an existing one whose subnets get the missing tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from configuration.network import ExistingNetwork, InterfaceEndpoint
from configuration.network import Network as NetworkSettings
from manifests.address_plan import AddressPlan, plan_addresses
from manifests.iam import flow_log_delivery, service_trust

_EVERYWHERE = "0.0.0.0/0"
_PUBLIC_ROLE = "kubernetes.io/role/elb"
_PRIVATE_ROLE = "kubernetes.io/role/internal-elb"


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    settings: NetworkSettings
    region: str
    cluster_name: str
    """Of the cluster that this network is for; its subnets are tagged for it."""
    control_plane_zones: tuple[str, ...] = ()
    """Those of its control plane; empty for all."""


def subnet_tags(role: str, clusters: Iterable[str]) -> dict[str, str]:
    """The tags by which load balancer controllers find a subnet.

    clusters: every cluster in the VPC. A subnet that names some clusters is closed to all others (trap 4).
    """
    return {role: "1", **{f"kubernetes.io/cluster/{name}": "shared" for name in clusters}}


class Network(pulumi.ComponentResource):
    vpc_id: pulumi.Output[str]
    vpc_cidr: pulumi.Output[str]
    private_subnet_ids: pulumi.Output[list[str]]
    """Nodes and pods, and internal load balancers; in the order of the zones."""
    private_subnets: Mapping[str, pulumi.Output[str]]
    """The same by zone; empty for an existing VPC, of whose subnets the settings do not say it."""
    private_subnet_list: Sequence[pulumi.Input[str]]
    """The same once more, each for itself."""
    public_subnet_ids: pulumi.Output[list[str]]
    control_plane_private_subnet_ids: pulumi.Output[list[str]]
    control_plane_public_subnet_ids: pulumi.Output[list[str]]
    ready: tuple[pulumi.Resource, ...]
    """The pods' way out, and the tags by which a load balancer finds its subnets: needed by whatever runs in the
    cluster, and until it is gone."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mesh:network:Network", name, None, opts)
        self._args = args
        if args.settings.existing:
            self._adopt(args.settings.existing)
        else:
            self._build()
        self.register_outputs(
            {
                "vpc_id": self.vpc_id,
                "vpc_cidr": self.vpc_cidr,
                "private_subnet_ids": self.private_subnet_ids,
                "public_subnet_ids": self.public_subnet_ids,
            }
        )

    @property
    def _clusters(self) -> tuple[str, ...]:
        return (self._args.cluster_name, *self._args.settings.shared_with_clusters)

    def _child(self, *depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(depends_on))

    def _tags(self, name: str, more: dict[str, str] | None = None) -> dict[str, str]:
        return {"Name": f"{self._args.cluster_name}-{name}", **(more or {})}

    # --- An existing VPC ---------------------------------------------------------------------------------------

    def _adopt(self, existing: ExistingNetwork) -> None:
        self.vpc_id = pulumi.Output.from_input(existing.vpc_id)
        self.private_subnet_ids = pulumi.Output.from_input(list(existing.private_subnet_ids))
        self.private_subnets = {}
        self.private_subnet_list = existing.private_subnet_ids
        self.public_subnet_ids = pulumi.Output.from_input(list(existing.public_subnet_ids))
        self.control_plane_private_subnet_ids = self.private_subnet_ids
        self.control_plane_public_subnet_ids = self.public_subnet_ids
        vpc = aws.ec2.get_vpc_output(id=existing.vpc_id, opts=pulumi.InvokeOutputOptions(parent=self))
        self.vpc_cidr = vpc.cidr_block
        self.ready = (
            *self._tag_subnets(existing.private_subnet_ids, _PRIVATE_ROLE),
            *self._tag_subnets(existing.public_subnet_ids, _PUBLIC_ROLE),
        )

    def _tag_subnets(self, subnet_ids: tuple[str, ...], role: str) -> list[pulumi.Resource]:
        own = f"kubernetes.io/cluster/{self._args.cluster_name}"
        return [
            aws.ec2.Tag(
                f"{subnet_id}/{key}",
                resource_id=subnet_id,
                key=key,
                value=value,
                # Setting a tag that is there already changes nothing, but a destroy would remove it. Others may have
                # relied on the role and on their own cluster's tag before us; only ours goes with this stack.
                opts=pulumi.ResourceOptions(parent=self, retain_on_delete=key != own),
            )
            for subnet_id in subnet_ids
            for key, value in subnet_tags(role, self._clusters).items()
        ]

    # --- A VPC of our own --------------------------------------------------------------------------------------

    def _build(self) -> None:
        settings = self._args.settings
        if settings.cidr is None:
            raise ValueError("network.cidr is not set: settings.load() refuses a stack without it")
        plan = plan_addresses(settings.cidr, zones=settings.zones, subnets=settings.subnets)
        pulumi.log.debug(f"VPC {plan.vpc}: {plan.remainder}", self)
        self._vpc = aws.ec2.Vpc(
            "vpc",
            cidr_block=str(plan.vpc),
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=self._tags("vpc"),
            opts=self._child(),
        )
        # Emptied: what is launched without a group of its own can neither reach anything nor be reached.
        aws.ec2.DefaultSecurityGroup(
            "default",
            vpc_id=self._vpc.id,
            ingress=[],
            egress=[],
            tags=self._tags("default-closed"),
            opts=self._child(),
        )
        public, public_ways = self._public_subnets(plan)
        nats = self._nat_gateways(plan, public, public_ways)
        private, tables, routes = self._private_subnets(plan, nats)
        # A NAT gateway comes after its own zone's way; load balancers stand in every zone.
        others = [way for zone, way in public_ways.items() if zone not in self._nat_zones(plan)]
        self.ready = (*routes, *others, self._s3_endpoint(tables), *self._interface_endpoints(private))
        self._flow_logs()
        self.vpc_id = self._vpc.id
        self.vpc_cidr = self._vpc.cidr_block
        self.private_subnet_ids = _ids(private, zones=())
        self.private_subnets = {zone: subnet.id for zone, subnet in private.items()}
        self.private_subnet_list = tuple(self.private_subnets.values())
        self.public_subnet_ids = _ids(public, zones=())
        self.control_plane_private_subnet_ids = _ids(private, zones=self._args.control_plane_zones)
        self.control_plane_public_subnet_ids = _ids(public, zones=self._args.control_plane_zones)

    def _subnet(self, kind: str, zone: str, cidr: str, role: str) -> aws.ec2.Subnet:
        return aws.ec2.Subnet(
            f"{kind}-{zone}",
            vpc_id=self._vpc.id,
            availability_zone=zone,
            cidr_block=cidr,
            map_public_ip_on_launch=False,
            tags=self._tags(f"{kind}-{zone}", subnet_tags(role, self._clusters)),
            opts=self._child(),
        )

    def _public_subnets(self, plan: AddressPlan) -> tuple[dict[str, aws.ec2.Subnet], dict[str, pulumi.Resource]]:
        """zone -> subnet, and zone -> what makes it public."""
        gateway = aws.ec2.InternetGateway("internet", vpc_id=self._vpc.id, tags=self._tags("igw"), opts=self._child())
        table = aws.ec2.RouteTable("public", vpc_id=self._vpc.id, tags=self._tags("public"), opts=self._child())
        route = aws.ec2.Route(
            "public-default",
            route_table_id=table.id,
            destination_cidr_block=_EVERYWHERE,
            gateway_id=gateway.id,
            opts=self._child(),
        )
        subnets = {zone.zone: self._subnet("public", zone.zone, str(zone.public), _PUBLIC_ROLE) for zone in plan.zones}
        ways: dict[str, pulumi.Resource] = {
            zone: aws.ec2.RouteTableAssociation(
                f"public-{zone}", route_table_id=table.id, subnet_id=subnet.id, opts=self._child(route)
            )
            for zone, subnet in subnets.items()
        }
        return subnets, ways

    def _nat_gateways(
        self, plan: AddressPlan, public: dict[str, aws.ec2.Subnet], ways: dict[str, pulumi.Resource]
    ) -> dict[str, aws.ec2.NatGateway]:
        """zone -> the NAT gateway that its private subnet uses."""
        zones, homes = [zone.zone for zone in plan.zones], self._nat_zones(plan)
        gateways: dict[str, aws.ec2.NatGateway] = {}
        for zone in homes:
            address = aws.ec2.Eip(f"nat-{zone}", domain="vpc", tags=self._tags(f"nat-{zone}"), opts=self._child())
            gateways[zone] = aws.ec2.NatGateway(
                f"nat-{zone}",
                allocation_id=address.id,
                subnet_id=public[zone].id,
                tags=self._tags(f"nat-{zone}"),
                # It works only once its subnet reaches the internet gateway.
                opts=self._child(ways[zone]),
            )
        return {zone: gateways.get(zone, gateways[homes[0]]) for zone in zones}

    def _nat_zones(self, plan: AddressPlan) -> list[str]:
        zones = [zone.zone for zone in plan.zones]
        return zones[:1] if self._args.settings.nat == "single" else zones

    def _private_subnets(
        self, plan: AddressPlan, nats: dict[str, aws.ec2.NatGateway]
    ) -> tuple[dict[str, aws.ec2.Subnet], list[aws.ec2.RouteTable], tuple[pulumi.Resource, ...]]:
        """zone -> subnet, the route tables, and what gives the subnets their way out."""
        subnets: dict[str, aws.ec2.Subnet] = {}
        tables: list[aws.ec2.RouteTable] = []
        ready: list[pulumi.Resource] = []
        for zone in plan.zones:
            name = f"private-{zone.zone}"
            subnet = self._subnet("private", zone.zone, str(zone.private), _PRIVATE_ROLE)
            table = aws.ec2.RouteTable(name, vpc_id=self._vpc.id, tags=self._tags(name), opts=self._child())
            route = aws.ec2.Route(
                f"{name}-default",
                route_table_id=table.id,
                destination_cidr_block=_EVERYWHERE,
                nat_gateway_id=nats[zone.zone].id,
                opts=self._child(),
            )
            association = aws.ec2.RouteTableAssociation(
                name, route_table_id=table.id, subnet_id=subnet.id, opts=self._child()
            )
            subnets[zone.zone] = subnet
            tables.append(table)
            ready += [route, association]
        return subnets, tables, tuple(ready)

    def _s3_endpoint(self, tables: list[aws.ec2.RouteTable]) -> pulumi.Resource:
        # Free, and image layers (ECR keeps them in S3) no longer pass the NAT gateways.
        return aws.ec2.VpcEndpoint(
            "s3",
            vpc_id=self._vpc.id,
            service_name=f"com.amazonaws.{self._args.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id for table in tables],
            tags=self._tags("s3"),
            opts=self._child(),
        )

    def _interface_endpoints(self, private: dict[str, aws.ec2.Subnet]) -> list[pulumi.Resource]:
        services: tuple[InterfaceEndpoint, ...] = self._args.settings.interface_endpoints
        if not services:
            return []
        group = aws.ec2.SecurityGroup(
            "endpoints",
            description="HTTPS from the VPC to the interface endpoints",
            vpc_id=self._vpc.id,
            tags=self._tags("endpoints"),
            opts=self._child(),
        )
        rule = aws.vpc.SecurityGroupIngressRule(
            "endpoints-https",
            security_group_id=group.id,
            description="HTTPS from the VPC",
            cidr_ipv4=self._vpc.cidr_block,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            opts=self._child(),
        )
        return [
            aws.ec2.VpcEndpoint(
                service,
                vpc_id=self._vpc.id,
                service_name=f"com.amazonaws.{self._args.region}.{service}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=[subnet.id for subnet in private.values()],
                security_group_ids=[group.id],
                tags=self._tags(service),
                # From then on the service's name leads here: nobody may be let in later, or kept out earlier.
                opts=self._child(rule),
            )
            for service in services
        ]

    def _flow_logs(self) -> None:
        group = aws.cloudwatch.LogGroup(
            "flow-logs",
            name=f"/aws/vpc/{self._args.cluster_name}/flow-logs",
            retention_in_days=self._args.settings.flow_log_retention_days,
            opts=self._child(),
        )
        role = aws.iam.Role(
            "flow-logs",
            assume_role_policy=pulumi.Output.json_dumps(
                service_trust("vpc-flow-logs.amazonaws.com", account_id=self._vpc.owner_id)
            ),
            opts=self._child(),
        )
        delivery = aws.iam.RolePolicy(
            "flow-logs",
            role=role.id,
            policy=pulumi.Output.json_dumps(flow_log_delivery(pulumi.Output.concat(group.arn, ":*"))),
            opts=self._child(),
        )
        aws.ec2.FlowLog(
            "flow-logs",
            vpc_id=self._vpc.id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            max_aggregation_interval=60,
            tags=self._tags("flow-logs"),
            # The role may write only once its policy is attached.
            opts=self._child(delivery),
        )


def _ids(subnets: Mapping[str, aws.ec2.Subnet], *, zones: tuple[str, ...]) -> pulumi.Output[list[str]]:
    """zones: whose subnets; empty for all."""
    return pulumi.Output.all(*[subnet.id for zone, subnet in subnets.items() if not zones or zone in zones])

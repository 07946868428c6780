"""Which hosts of AWS have an address of the VPC, because one of its interface endpoints answers for them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

from configuration.network import InterfaceEndpoint, Network
from manifests.address_plan import plan_addresses

ENDPOINT_PORT = 443

# With private DNS an endpoint takes over the service's own name in the region:
# https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html#interface-endpoint-dns-hostnames
# ECR's are https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html: api.ecr, and *.dkr.ecr with the
# number of an account.
_NAMES: dict[InterfaceEndpoint, str] = {"ecr.api": "api.ecr", "ecr.dkr": "dkr.ecr"}


@dataclass(frozen=True, kw_only=True)
class InterfaceEndpoints:
    """names: hosts, each with all below it. subnets: where the endpoints have addresses, beside nodes and pods."""

    names: tuple[str, ...] = ()
    subnets: tuple[IPv4Network, ...] = ()

    def answer_for(self, host: str | None, port: int) -> bool:
        """Whether a connection to this host and port ends in the VPC."""
        return (
            host is not None
            and port == ENDPOINT_PORT
            and any(host == name or host.endswith(f".{name}") for name in self.names)
        )


NO_ENDPOINTS = InterfaceEndpoints()


def interface_endpoints(network: Network, *, region: str) -> InterfaceEndpoints:
    """Those of a VPC of our own; an existing one has what its owner made, which `egress.networks` says."""
    if network.existing or network.cidr is None or not network.interface_endpoints:
        return NO_ENDPOINTS
    plan = plan_addresses(network.cidr, zones=network.zones, subnets=network.subnets)
    return InterfaceEndpoints(
        names=tuple(
            f"{_NAMES.get(service, service)}.{region}.amazonaws.com" for service in network.interface_endpoints
        ),
        subnets=tuple(zone.private for zone in plan.zones),
    )

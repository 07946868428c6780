"""The VPC: one of our own, laid out from a CIDR, or an existing one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

from configuration.dns_firewall import DnsFirewall
from configuration.kinds.aws import SubnetId, VpcId
from configuration.problems import rejection
from configuration.section import section
from configuration.values import Cidr, ClusterName, Whole

InterfaceEndpoint = Literal["ecr.api", "ecr.dkr", "sts", "logs", "xray", "ec2", "elasticloadbalancing"]

# The values CloudWatch Logs accepts (PutRetentionPolicy).
_RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip


def _retention(value: int) -> int:
    if value not in _RETENTION_DAYS:
        raise rejection(
            "CloudWatch Logs keeps logs for a fixed choice of days only.",
            f"Choose one of {', '.join(map(str, _RETENTION_DAYS))}.",
        )
    return value


RetentionDays = Annotated[Whole, AfterValidator(_retention)]


@section
class SubnetPair:
    """The two subnets of one zone, where an address plan from elsewhere prescribes them."""

    zone: str
    private: Cidr
    """Nodes and pods: large."""
    public: Cidr
    """Load balancers and NAT gateways: small, but at least /27."""


@section
class ExistingNetwork:
    """A VPC that somebody else owns. Its subnets get the missing tags; nothing else of theirs is touched, unless
    `dnsFirewall` says so."""

    vpc_id: VpcId
    private_subnet_ids: tuple[SubnetId, ...]
    public_subnet_ids: tuple[SubnetId, ...] = ()


@section
class Network:
    cidr: Cidr | None = None
    """Of a VPC of our own: /16 to /21, so that every zone has room for nodes, pods and load balancers."""
    zones: tuple[str, ...] = ()
    """Two to four zone names of the stack's region, e.g. eu-west-1a."""
    subnets: tuple[SubnetPair, ...] = ()
    """Instead of `zones`: the subnets as an address plan prescribes them."""
    nat: Literal["single", "perZone"] = "perZone"
    interface_endpoints: tuple[InterfaceEndpoint, ...] = ()
    flow_log_retention_days: RetentionDays = 90
    """Of the flow logs and, with `dnsFirewall`, of the log of DNS queries."""
    shared_with_clusters: tuple[ClusterName, ...] = ()
    """Every other cluster in this VPC: a subnet tagged for some clusters is closed to all others (trap 4)."""
    dns_firewall: DnsFirewall | None = None
    """Which names are looked up; without it every one is, and a name can carry data out."""
    existing: ExistingNetwork | None = None

    @property
    def zone_names(self) -> tuple[str, ...]:
        """The zones in the order of the stack file, whichever of the two ways names them."""
        return self.zones or tuple(pair.zone for pair in self.subnets)

"""What moto 5.2 lacks for the AWS Load Balancer Controller, added to it in this one place.

Each addition stands under a comment that says what AWS does and moto does not, so that it can be given to moto as it
is. `Notes` alone is the lab's: an API server's memory of what only a data plane knows.
"""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, field
from typing import Any

from moto.core.responses import ActionResult, BaseResponse
from moto.ec2.models import instances
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.responses.elastic_network_interfaces import ElasticNetworkInterfaces
from moto.elbv2.models import FakeHealthStatus, FakeTargetGroup

from lab.node.nodes import NODES

# A call whose name begins so changes nothing.
_READING = ("Describe", "Get", "List")


@dataclass(kw_only=True)
class Notes:
    """health: target group's ARN -> `<address>:<port>` -> initial, healthy or unhealthy, as the load balancer saw it.

    version: grows with each call that may have changed something, so that a reader need not ask for everything.
    process: differs from that of every other server
    """

    version: int = 0
    process: str = field(default_factory=lambda: uuid.uuid4().hex)
    health: dict[str, dict[str, str]] = field(default_factory=dict)


def apply() -> Notes:
    """Changes moto's classes in this process; call it once, before it serves."""
    notes = Notes()
    _addresses_by_prefix()
    _node()
    _health(notes)
    _version(notes)
    return notes


def _addresses_by_prefix() -> None:
    # EC2 assigns prefixes to an interface and shows them with it; moto knows single addresses only.
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssignPrivateIpAddresses.html
    plain = ElasticNetworkInterfaces.assign_private_ip_addresses

    def assign_private_ip_addresses(self: ElasticNetworkInterfaces) -> ActionResult:
        prefixes = self._get_param("Ipv4Prefixes", [])
        if not prefixes:
            return plain(self)
        interface = self.ec2_backend.get_network_interface(self._get_param("NetworkInterfaceId"))
        assigned = [{"Ipv4Prefix": prefix} for prefix in prefixes]
        interface.ipv4_prefixes = [*interface.ipv4_prefixes, *assigned]
        return ActionResult({"NetworkInterfaceId": interface.id, "AssignedIpv4Prefixes": assigned})

    _set(NetworkInterface, "ipv4_prefixes", [])
    _set(ElasticNetworkInterfaces, "assign_private_ip_addresses", assign_private_ip_addresses)


def _node() -> None:
    # The lab's nodes say at their birth which instances they are; moto would choose other ids.
    names = itertools.cycle(node.instance for node in NODES)
    _set(instances, "random_instance_id", lambda: next(names))


def _health(notes: Notes) -> None:
    # A load balancer checks its targets; moto calls each one healthy.
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
    states = {
        "healthy": ("healthy", None, None),
        "unhealthy": ("unhealthy", "Target.FailedHealthChecks", "Health checks failed"),
        "initial": ("initial", "Elb.InitialHealthChecking", "Initial health checks in progress"),
    }
    plain = FakeTargetGroup.health_for

    def health_for(self: FakeTargetGroup, target: dict[str, Any], ec2_backend: Any) -> Any:
        found = plain(self, target, ec2_backend)
        if found.status != "healthy":
            return found
        seen = notes.health.get(self.arn, {}).get(f"{found.instance_id}:{found.port}", "initial")
        return FakeHealthStatus(found.instance_id, found.port, found.health_check_port, *states[seen])

    _set(FakeTargetGroup, "health_for", health_for)


def _version(notes: Notes) -> None:
    plain = BaseResponse.call_action

    def call_action(self: BaseResponse) -> Any:
        try:
            return plain(self)
        finally:
            if not str(self._get_action()).startswith(_READING):
                notes.version += 1

    _set(BaseResponse, "call_action", call_action)


def _set(owner: Any, name: str, value: Any) -> None:
    setattr(owner, name, value)

"""Calls to what is private: declared networks and hosts, and the node's Pod Identity agent; and the same by others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Network

from configuration.leaving.egress import Egress
from manifests.mesh_graph import Member
from manifests.names import POD_IDENTITY_AGENT, POD_IDENTITY_PORT, registry_host
from manifests.workload import agent_past_sidecar
from meshops.verify.calls import Call, Purpose, standing_in
from meshops.verify.stack import Stack

# Behind the first ones, which in a subnet are AWS's own:
# https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
_PLACE = 10
_AGENT = f"http://{POD_IDENTITY_AGENT.partition('/')[0]}:{POD_IDENTITY_PORT}/v1/credentials"


def private_calls(stack: Stack) -> Iterator[Call]:
    """By whom each destination is declared for, and by one other application of its namespace and of another one."""
    for member in stack.members:
        for egress in member.application.egress:
            if egress.private_networks:
                yield _call(member, "private-destination", egress)
                for stranger in _strangers(stack, member, lambda other, it=egress: not _may_call(other, it)):
                    yield _call(stranger, "private-destination-stranger", egress)
    owners = [member for member in stack.members if member.application.aws_policy]
    for member in owners:
        yield _ask_agent(member, "agent")
    for member in owners[:1]:
        for stranger in _strangers(stack, member, lambda other: not other.application.aws_policy):
            yield _ask_agent(stranger, "agent-stranger")


def egress_url(egress: Egress) -> str:
    """What curl asks. Of a network one address, by HTTP, to which whatever listens there has something to say."""
    if egress.cidr:
        return f"http://{address_in(egress.cidr)}:{egress.port}/"
    scheme = "http" if egress.protocol in ("HTTP", "TCP") or egress.originate else "https"
    return f"{scheme}://{egress.host}:{egress.called_port}/"


def address_in(network: IPv4Network) -> str:
    """One that may be a service's; which is one, nobody says."""
    return str(network[min(_PLACE, network.num_addresses - 1)])


def _strangers(stack: Stack, owner: Member, allowed: Callable[[Member], bool]) -> list[Member]:
    home = owner.namespace.name
    others = [member for member in stack.members if allowed(member)]
    near = [member for member in others if member.namespace.name == home]
    far = [member for member in others if member.namespace.name != home]
    return [*near[:1], *far[:1]]


def _may_call(member: Member, egress: Egress) -> bool:
    """Whether it declares this destination, or another one that is there too."""
    return any(
        registry_host(own) == registry_host(egress)
        or (own.cidr and own.port == egress.port and any(own.cidr.overlaps(there) for there in egress.private_networks))
        # Opaque TCP to a host takes whatever goes to its port.
        or (own.protocol == "TCP" and not own.cidr and own.port == egress.port)
        for own in member.application.egress
    )


def _call(member: Member, purpose: Purpose, egress: Egress) -> Call:
    return Call(
        id="",
        purpose=purpose,
        client=standing_in(member, member.application.identity),
        caller=member,
        url=egress_url(egress),
        host=egress.destination,
    )


def _ask_agent(member: Member, purpose: Purpose) -> Call:
    annotations = agent_past_sidecar(member.application)
    return Call(
        id="",
        purpose=purpose,
        client=standing_in(member, member.application.identity, annotations=annotations),
        caller=member,
        url=_AGENT,
        host="the node's Pod Identity agent",
    )

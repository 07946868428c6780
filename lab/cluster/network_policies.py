"""Enforces NetworkPolicies on the nodes: the lab's own program in the VPC CNI's place, in the nodes' network.

It takes the ranges of the stack's VPC for what stands there in the lab, which has its own: `aliases`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from ipaddress import IPv4Network

from configuration.settings import Settings
from lab.cluster import certificates, network
from lab.cluster.control_plane import NETWORK_POLICY_USER, NODE, ControlPlane
from lab.cluster.dns import FIELD_MANAGER
from lab.cluster.objects import Document, Objects
from lab.cluster.processes import Command, Process
from lab.paths import PROGRAM, STACK
from lab.state import NetworkRecord
from manifests.address_plan import plan_addresses
from meshops.stack_settings import stack_settings

NAME = "lab-netpol"
# Of the bridge's range: this machine, on which the API server is, and the nodes. After it come the load balancers.
_MACHINES = 29


def aliases(settings: Settings, record: NetworkRecord) -> Iterator[tuple[IPv4Network, IPv4Network]]:
    """A range of the stack's VPC, and one of the lab's that a NetworkPolicy means by it.

    In the private subnets are the API server's interfaces, the nodes and the pods; in the public ones load balancers.
    """
    vpc = settings.network
    if vpc.cidr is None:
        return
    bridge = IPv4Network(record.network)
    machines = IPv4Network((int(bridge.network_address), _MACHINES))
    for zone in plan_addresses(vpc.cidr, zones=vpc.zones, subnets=vpc.subnets).zones:
        for meant in (machines, IPv4Network(record.pods)):
            yield zone.private, meant
        for meant in bridge.address_exclude(machines):
            yield zone.public, meant


def access() -> Document:
    """What it may read: pods, namespaces and policies."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": NAME},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": NETWORK_POLICY_USER}],
    }


def _command(plane: ControlPlane) -> Command:
    objects = Objects(api=plane.api, field_manager=FIELD_MANAGER)
    try:
        objects.apply(access())
    finally:
        objects.close()
    found = aliases(stack_settings(PROGRAM, STACK), plane.network)
    return [
        *network.entering(plane.state.alive()[NODE].pid),
        plane.toolchain.bin(NAME),
        f"--kubeconfig={certificates.kubeconfig(plane.state.certificates, NAME)}",
        *(f"--alias={named}={meant}" for named, meant in found),
    ]


def table(plane: ControlPlane) -> str:
    """What the node's kernel has of it now, as nft prints it; empty while there is nothing."""
    entering = network.entering(plane.state.alive()[NODE].pid)
    found = subprocess.run([*entering, "nft", "list", "table", "ip", NAME], capture_output=True, text=True, check=False)
    return found.stdout


PROCESS = Process(
    name=NAME, part="the NetworkPolicies' enforcement", command=_command, after=(NODE,),
    ready=lambda plane: bool(table(plane)), seconds=30.0,
)  # fmt: skip

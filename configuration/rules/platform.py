"""Rules across the settings of the network, the cluster, the mesh and the load balancer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations

from configuration.breaches import Breach, breach
from configuration.kinds.networks import is_private
from configuration.settings import Settings
from configuration.values import IPv4Network

EVERYONE = IPv4Network("0.0.0.0/0")

# An ALB needs 8 free addresses in each of its subnets and AWS asks for a /27 at least; EC2 takes no subnet
# smaller than /28 and no larger than /16.
_PUBLIC_LONGEST_PREFIX = 27
_PRIVATE_LONGEST_PREFIX = 26


def network_is_one_of_three(settings: Settings) -> Iterator[Breach]:
    network = settings.network
    own = [name for name, value in _own_network(settings).items() if value]
    if network.existing and own:
        yield breach(
            "network.existing",
            network.existing.vpc_id,
            f"An existing VPC keeps its own layout; {', '.join(own)} would change it.",
            f"Remove {', '.join(own)}, or `existing` to make a VPC.",
        )
    if not network.existing and not network.cidr:
        yield breach(
            "network.cidr",
            None,
            "A VPC of our own needs an address range.",
            'Set it, e.g. "10.20.0.0/16", or name an `existing` VPC.',
        )
    if network.zones and network.subnets:
        yield breach(
            "network.subnets",
            [pair.zone for pair in network.subnets],
            "The zones are given twice: the allocator lays out `zones`, `subnets` replaces it.",
            "Keep one of the two.",
            "network.zones",
        )


def _own_network(settings: Settings) -> dict[str, object]:
    network = settings.network
    return {"cidr": network.cidr, "zones": network.zones, "subnets": network.subnets}


def control_plane_zones(settings: Settings) -> Iterator[Breach]:
    """https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html: two zones, and never another one later."""
    chosen, names = settings.cluster.control_plane_zones, settings.network.zone_names
    path = "cluster.controlPlaneZones"
    if not chosen:
        return
    if settings.network.existing or settings.cluster.existing:
        yield breach(
            path,
            list(chosen),
            "It picks among the zones of a network and a cluster of our own.",
            "Remove it; of an existing network, name the subnets.",
        )
        return
    for name in chosen:
        if name not in names:
            yield breach(
                path, name, "It is no zone of the network.", f"Choose among {', '.join(names)}.", "network.zones"
            )
    if len(set(chosen)) < 2:
        yield breach(path, list(chosen), "A control plane stands in two zones at least.", "Name two zones.")


def zones(settings: Settings) -> Iterator[Breach]:
    network = settings.network
    if network.existing:
        return
    names = network.zone_names
    path = "network.zones" if network.zones or not network.subnets else "network.subnets"
    if not 2 <= len(set(names)) <= 4:
        yield breach(
            path,
            list(names),
            "A VPC has two to four zones: EKS and the ALB each need two.",
            "Name two to four zones of the region.",
        )
    for name, count in Counter(names).items():
        if count > 1:
            yield breach(path, name, "A zone is named twice.", "Name each zone once.")
    for index, name in enumerate(names):
        if not re.fullmatch(re.escape(settings.region) + "[a-f]", name):
            yield breach(
                f"{path}[{index}]",
                name,
                f"It is not an availability zone of the stack's region {settings.region}.",
                f"Use names such as {settings.region}a.",
                "aws:region",
            )


def vpc_size(settings: Settings) -> Iterator[Breach]:
    network = settings.network
    if not network.cidr or network.existing:
        return
    prefix = network.cidr.prefixlen
    if prefix < 16 or prefix > (21 if not network.subnets else 24):
        yield breach(
            "network.cidr",
            network.cidr,
            "The VPC must be between /16 (AWS's largest) and /21: with less, a zone's public subnet falls below the "
            "/27 that an ALB needs.",
            "Choose a range of that size"
            + ("; with explicit `subnets` a /24 is enough." if not network.subnets else ", /24 with explicit subnets."),
        )
    if not is_private(network.cidr):
        # https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
        yield breach(
            "network.cidr",
            network.cidr,
            "These are public addresses of somebody else, or reserved ones: what they name could not be reached from "
            "the VPC, or AWS refuses them.",
            "Choose a range of RFC 1918 (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16) or 100.64.0.0/10.",
        )


def subnets_fit(settings: Settings) -> Iterator[Breach]:
    network = settings.network
    placed: list[tuple[str, IPv4Network]] = []
    for pair in network.subnets:
        for role, subnet, longest in (
            ("private", pair.private, _PRIVATE_LONGEST_PREFIX),
            ("public", pair.public, _PUBLIC_LONGEST_PREFIX),
        ):
            path = f"network.subnets[{network.subnets.index(pair)}].{role}"
            placed.append((path, subnet))
            if network.cidr and not subnet.subnet_of(network.cidr):
                yield breach(
                    path, subnet, f"The subnet lies outside the VPC {network.cidr}.", "Move it inside.", "network.cidr"
                )
            if subnet.prefixlen > longest:
                yield breach(
                    path,
                    subnet,
                    f"A {role} subnet needs at least a /{longest}: nodes and pods, or the load balancer and a NAT "
                    "gateway, take an address each.",
                    "Make it larger.",
                )
    for (path, subnet), (other_path, other) in combinations(placed, 2):
        if subnet.overlaps(other):
            yield breach(other_path, other, f"It overlaps {path} ({subnet}).", "Give every subnet its own range.", path)


def existing_subnets(settings: Settings) -> Iterator[Breach]:
    existing = settings.network.existing
    if not existing:
        return
    named = [*existing.private_subnet_ids, *existing.public_subnet_ids]
    for subnet_id, count in Counter(named).items():
        if count > 1:
            yield breach(
                "network.existing",
                subnet_id,
                "A subnet is named twice; it is either private or public.",
                "Name each subnet once.",
            )
    if len(set(existing.private_subnet_ids)) < 2:
        yield breach(
            "network.existing.privateSubnetIds",
            list(existing.private_subnet_ids),
            "EKS and an internal ALB need subnets in two zones.",
            "Name at least two private subnets, of different zones.",
        )
    if settings.load_balancer.scheme == "internet-facing" and len(set(existing.public_subnet_ids)) < 2:
        yield breach(
            "network.existing.publicSubnetIds",
            list(existing.public_subnet_ids),
            "An internet-facing load balancer needs public subnets in two zones.",
            "Name at least two public subnets, or make the scheme internal.",
            "loadBalancer.scheme",
        )


def existing_cluster_has_existing_network(settings: Settings) -> Iterator[Breach]:
    if settings.cluster.existing and not settings.network.existing:
        yield breach(
            "cluster.existing",
            settings.cluster.name,
            "An existing cluster lives in an existing VPC; a new one would not hold its nodes.",
            "Name the cluster's VPC and subnets under network.existing.",
            "network",
        )


def api_endpoint_is_not_open(settings: Settings) -> Iterator[Breach]:
    for index, cidr in enumerate(settings.cluster.public_access_cidrs):
        if cidr == EVERYONE:
            yield breach(
                f"cluster.publicAccessCidrs[{index}]",
                cidr,
                "A public API endpoint must not be open to everyone.",
                "Name the networks that administer the cluster, or leave the list empty for a private endpoint.",
            )


def api_endpoint_has_a_way_in(settings: Settings) -> Iterator[Breach]:
    # https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html: the cluster's group admits its members.
    cluster = settings.cluster
    if cluster.existing:
        return
    if not cluster.public_access_cidrs and not cluster.private_access:
        yield breach(
            "cluster.privateAccessCidrs",
            [],
            "The API server has a private endpoint only, whose security group admits nobody from outside the cluster: "
            "every deployer would wait until it times out.",
            "Name the networks that deployers come from, or the deployer's own address under publicAccessCidrs.",
            "cluster.publicAccessCidrs",
            "cluster.privateAccessSecurityGroups",
        )
    if cluster.private_access_security_groups and not settings.network.existing:
        yield breach(
            "cluster.privateAccessSecurityGroups",
            cluster.private_access_security_groups,
            "A rule names a group of the same VPC (or a peer's), and this VPC has yet to be made: no group is in it.",
            "Take over the runner's VPC by network.existing, or name networks under privateAccessCidrs.",
            "network.existing",
        )
    for index, cidr in enumerate(cluster.private_access_cidrs):
        if not is_private(cidr):
            yield breach(
                f"cluster.privateAccessCidrs[{index}]",
                cidr,
                "The private endpoint is reached through the network alone: nobody comes to it from a public address.",
                "Name a range of RFC 1918 or 100.64.0.0/10, or put this one under publicAccessCidrs.",
            )


def ranges_are_ordered(settings: Settings) -> Iterator[Breach]:
    nodes = settings.cluster.node_group
    if nodes.min_size > nodes.desired_size:
        yield breach(
            "cluster.nodeGroup.minSize",
            nodes.min_size,
            f"The minimum is above desiredSize ({nodes.desired_size}).",
            "Keep minSize <= desiredSize <= maxSize.",
            "cluster.nodeGroup.desiredSize",
        )
    if nodes.desired_size > nodes.max_size:
        yield breach(
            "cluster.nodeGroup.desiredSize",
            nodes.desired_size,
            f"The desired size is above maxSize ({nodes.max_size}).",
            "Keep minSize <= desiredSize <= maxSize.",
            "cluster.nodeGroup.maxSize",
        )
    for name, scale in (("mesh.pilot", settings.mesh.pilot), ("gateway", settings.gateway)):
        if scale.min_replicas > scale.max_replicas:
            yield breach(
                f"{name}.minReplicas",
                scale.min_replicas,
                f"The minimum, which need not be set, is above maxReplicas ({scale.max_replicas}).",
                f"Set minReplicas to {scale.max_replicas} too, or maxReplicas to {scale.min_replicas} or more.",
                f"{name}.maxReplicas",
            )
    certificates = settings.certificates
    if certificates.renew_before_hours >= certificates.duration_hours:
        yield breach(
            "certificates.renewBeforeHours",
            certificates.renew_before_hours,
            f"A certificate of {certificates.duration_hours} hours would be renewed without end.",
            "Renew later than the certificate begins; a third of its life is usual.",
            "certificates.durationHours",
        )


def arns_belong_to_the_region(settings: Settings) -> Iterator[Breach]:
    balancer = settings.load_balancer
    waf = balancer.waf.web_acl_arn if balancer.waf else None
    for path, arn, service in (
        ("loadBalancer.certificateArn", balancer.certificate_arn, "acm"),
        ("loadBalancer.waf.webAclArn", waf, "wafv2"),
    ):
        if arn and arn.split(":")[2:4] != [service, settings.region]:
            yield breach(
                path,
                arn,
                f"The load balancer takes an ARN of {service} in its own region, {settings.region}.",
                f"Name one of the form arn:aws:{service}:{settings.region}:….",
                "aws:region",
            )


def load_balancer_is_complete(settings: Settings) -> Iterator[Breach]:
    balancer = settings.load_balancer
    if "alb" in balancer.entries and not balancer.certificate_arn and not balancer.hosted_zone_id:
        yield breach(
            "loadBalancer.certificateArn",
            None,
            "The ALB's listener needs an ACM certificate: an issued one, or a zone in which to validate a new one.",
            "Set certificateArn, or hostedZoneId.",
            "loadBalancer.hostedZoneId",
        )
    if not balancer.allowed_cidrs:
        yield breach(
            "loadBalancer.allowedCidrs",
            "[]",
            "Who may connect must be said: without it AWS opens the listener to everyone.",
            'Name the networks, or "0.0.0.0/0" for a public site.',
        )


def mesh_is_not_held_strict_too_early(settings: Settings) -> Iterator[Breach]:
    behind = [namespace.name for namespace in settings.namespaces if namespace.phase != "strict"]
    if settings.mesh.peer_authentication == "STRICT" and behind:
        yield breach(
            "mesh.peerAuthentication",
            "STRICT",
            f"Not every namespace is strict yet ({', '.join(behind)}): their plaintext traffic would be refused.",
            'Leave it "derived": the mesh becomes STRICT with its last namespace.',
            "namespaces",
        )


RULES: tuple[Callable[[Settings], Iterator[Breach]], ...] = (
    network_is_one_of_three,
    zones,
    control_plane_zones,
    vpc_size,
    subnets_fit,
    existing_subnets,
    existing_cluster_has_existing_network,
    api_endpoint_is_not_open,
    api_endpoint_has_a_way_in,
    ranges_are_ordered,
    arns_belong_to_the_region,
    load_balancer_is_complete,
    mesh_is_not_held_strict_too_early,
)

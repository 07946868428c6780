"""What the nodes of all zones have in common, and how many stand in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from configuration.cluster import Cluster, NodeGroup
from versions import EKS

ROOT_DEVICE = "/dev/xvda"
"""Of AL2023's AMI."""

HOP_LIMIT = 1
"""Of the instance metadata. One hop ends at the node: a pod cannot ask for the node's credentials."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Of one node group, in nodes."""

    min_size: int
    desired_size: int
    max_size: int


def sizes_by_zone(group: NodeGroup, zones: Sequence[str]) -> dict[str, Sizes]:
    """Each zone's share of the cluster's sizes; their sums are the settings'.

    The same for the same zones in any order. min <= desired <= max holds in each zone where it holds in the whole.
    """
    ordered = sorted(zones)
    return {
        zone: Sizes(
            min_size=_share(group.min_size, index, len(ordered)),
            desired_size=_share(group.desired_size, index, len(ordered)),
            max_size=_share(group.max_size, index, len(ordered)),
        )
        for index, zone in enumerate(ordered)
    }


def _share(total: int, index: int, count: int) -> int:
    return total // count + (index < total % count)


def node_release(cluster: Cluster) -> str:
    """Of the nodes' AMI, e.g. `1.35.6-20260714`."""
    return cluster.node_group.ami_release or EKS[cluster.kubernetes_version].nodes


def node_tags(cluster: Cluster, tags: Mapping[str, str]) -> dict[str, str]:
    """For a node and its volume: the provider's default tags reach neither."""
    return {"Name": f"{cluster.name}-node", **tags}

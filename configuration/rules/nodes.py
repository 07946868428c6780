"""Rules of the nodes: how many stand in each zone, of which AMI, and what adds more."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from configuration.breaches import Breach, breach
from configuration.cluster import Karpenter
from configuration.settings import Settings
from versions import EKS, KARPENTER, KARPENTER_MINORS

_GROUP = "cluster.nodeGroup"


def every_zone_has_a_node(settings: Settings) -> Iterator[Breach]:
    # https://docs.aws.amazon.com/eks/latest/APIReference/API_NodegroupScalingConfig.html: maxSize is 1 at least, and
    # is no smaller than desiredSize.
    zones = len(set(settings.network.zone_names))
    desired = settings.cluster.node_group.desired_size
    if settings.cluster.existing or settings.network.existing or not 2 <= zones <= 4:
        return
    if desired < zones:
        yield breach(
            f"{_GROUP}.desiredSize",
            desired,
            f"Each of the {zones} zones has a node group of its own with a share of the nodes: in one of them none "
            "would stand.",
            f"Choose {zones} at least, or name fewer zones.",
            "network",
            f"{_GROUP}.maxSize",
        )


def ami_is_of_the_kubernetes_version(settings: Settings) -> Iterator[Breach]:
    cluster = settings.cluster
    release = cluster.node_group.ami_release
    known = EKS.get(cluster.kubernetes_version)
    if release and known and not release.startswith(f"{cluster.kubernetes_version}."):
        yield breach(
            f"{_GROUP}.amiRelease",
            release,
            f"The cluster is of Kubernetes {cluster.kubernetes_version}: EKS makes no group of another one's AMI.",
            f'Write one of that version, as "{known.nodes}", or leave it out.',
            "cluster.kubernetesVersion",
        )


def karpenter_has_something_to_do(settings: Settings) -> Iterator[Breach]:
    cluster = settings.cluster
    group = cluster.node_group
    if group.autoscaler != "karpenter":
        if group.karpenter != Karpenter():
            yield breach(
                f"{_GROUP}.karpenter",
                "(set)",
                "Nothing adds nodes here: these settings would do nothing.",
                'Remove them, or set nodeGroup.autoscaler to "karpenter".',
                f"{_GROUP}.autoscaler",
            )
        return
    path = f"{_GROUP}.autoscaler"
    if cluster.existing:
        yield breach(
            path,
            group.autoscaler,
            "The nodes of an existing cluster are somebody else's, and so is what adds more.",
            "Remove it.",
            "cluster.existing",
        )
    elif group.min_size < 2:
        # Its chart's two pods stand on different nodes, and on none of its own.
        yield breach(
            path,
            group.autoscaler,
            f"Karpenter's two pods stand on two nodes of the groups; minSize ({group.min_size}) leaves fewer.",
            "Set nodeGroup.minSize to 2 at least.",
            f"{_GROUP}.minSize",
        )
    if cluster.kubernetes_version in EKS and cluster.kubernetes_version not in KARPENTER_MINORS:
        yield breach(
            path,
            group.autoscaler,
            f"Karpenter {KARPENTER} does not run on Kubernetes {cluster.kubernetes_version}.",
            f"Choose Kubernetes {KARPENTER_MINORS[0]} to {KARPENTER_MINORS[-1]}.",
            "cluster.kubernetesVersion",
        )


RULES: tuple[Callable[[Settings], Iterator[Breach]], ...] = (
    every_zone_has_a_node,
    ami_is_of_the_kubernetes_version,
    karpenter_has_something_to_do,
)

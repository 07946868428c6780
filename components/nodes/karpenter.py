"""Karpenter in the cluster, if a stack asks for it: its definitions, its controller, and the nodes that it may add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.nodes.karpenter_account import KarpenterAccount
from components.submission import release, submit
from configuration.cluster import Cluster as ClusterSettings
from manifests.images import Images
from manifests.karpenter import KARPENTER, Launch, karpenter_values, node_class, node_pool
from manifests.names import KUBE_SYSTEM
from versions import KARPENTER_CHART, KARPENTER_CRD_CHART

# Each of its nodes is drained for half an hour at most, and EC2 takes a few minutes more.
_DELETE_TIMEOUT = "60m"


@dataclass(frozen=True, kw_only=True)
class KarpenterArgs:
    settings: ClusterSettings
    region: str
    account: KarpenterAccount | None
    """None where nothing adds nodes."""
    subnet_ids: Sequence[pulumi.Input[str]]
    tags: Mapping[str, str]
    images: Images
    after: Sequence[pulumi.Resource]
    """What its pods need to run, on nodes that are not its own."""


class Karpenter(pulumi.ComponentResource):
    """Never `deleted_with` the cluster: its nodes are instances of EC2, which only it takes down."""

    ready: tuple[pulumi.Resource, ...]
    """What comes after it finds nodes for its pods, and on a destroy is gone before they are; empty without it."""

    def __init__(self, name: str, args: KarpenterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mesh:karpenter:Karpenter", name, None, opts)
        self._args = args
        self.ready = self._install(args.account) if args.account else ()
        self.register_outputs({})

    def _child(self, *depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            parent=self,
            depends_on=list(depends_on),
            custom_timeouts=pulumi.CustomTimeouts(delete=_DELETE_TIMEOUT),
        )

    def _install(self, account: KarpenterAccount) -> tuple[pulumi.Resource, ...]:
        args, cluster = self._args, self._args.settings
        definitions = release(
            "karpenter-crd", KARPENTER_CRD_CHART, namespace=KUBE_SYSTEM, values={}, opts=self._child(*args.after)
        )
        controller = release(
            KARPENTER,
            KARPENTER_CHART,
            namespace=KUBE_SYSTEM,
            values=karpenter_values(
                cluster_name=cluster.name, region=args.region, queue_name=account.queue_name, images=args.images
            ),
            skip_crds=True,
            opts=self._child(definitions),
        )
        launch = Launch(
            subnet_ids=args.subnet_ids,
            security_group_id=account.security_group_id,
            instance_profile=account.instance_profile,
        )
        # On a destroy the pool goes first, and with it the nodes; the class waits until the last of them is gone.
        made_as = submit(node_class(cluster, launch, tags=args.tags), opts=self._child(controller))
        return (submit(node_pool(cluster), opts=self._child(made_as)),)

"""The NetworkPolicies of the platform's own namespaces, once everything in them runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.order import Order
from components.submission import submit_all
from configuration.settings import Settings
from manifests.platform_network_policies import DEFAULT_DENY, platform_network_policies


@dataclass(frozen=True, kw_only=True)
class PlatformNetworkPoliciesArgs:
    settings: Settings
    after: Sequence[pulumi.Resource]
    """The namespaces, and what the charts have installed in them."""
    deleted_with: pulumi.Resource | None


class PlatformNetworkPolicies(pulumi.ComponentResource):
    ready: tuple[pulumi.Resource, ...]

    def __init__(
        self, name: str, args: PlatformNetworkPoliciesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("mesh:platform_network_policies:PlatformNetworkPolicies", name, None, opts)
        order = Order(self, after=args.after, deleted_with=args.deleted_with)
        documents = platform_network_policies(args.settings)
        closed = [document for document in documents if document["metadata"]["name"] == DEFAULT_DENY]
        # What may pass is said before everything else is refused, and taken back after it.
        opened = submit_all((document for document in documents if document not in closed), opts=order.after())
        self.ready = submit_all(closed, opts=order.after(*opened))
        self.register_outputs({})

"""What holds for the whole mesh, submitted so that no moment of an update refuses what it allows in the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.order import Order
from components.submission import submit, submit_all
from configuration.applications import Namespace
from configuration.mesh import Mesh, Observability
from manifests.mesh_policies import mesh_mode, mesh_policy_documents


@dataclass(frozen=True, kw_only=True)
class MeshPoliciesArgs:
    mesh: Mesh
    observability: Observability
    namespaces: tuple[Namespace, ...]
    cluster_name: str
    environment: str
    after: Sequence[pulumi.Resource]
    """istiod, whose webhook validates these; istio-ingress, for the gateway's own ALLOW."""
    deleted_with: pulumi.Resource | None


class MeshPolicies(pulumi.ComponentResource):
    mode: pulumi.Output[str]
    """The mesh-wide PeerAuthentication: PERMISSIVE or STRICT."""
    ready: tuple[pulumi.Resource, ...]
    """What must stand before a namespace or a workload changes."""

    def __init__(self, name: str, args: MeshPoliciesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mesh:mesh_policies:MeshPolicies", name, None, opts)
        documents = mesh_policy_documents(
            mesh=args.mesh,
            observability=args.observability,
            namespaces=args.namespaces,
            cluster_name=args.cluster_name,
            environment=args.environment,
        )
        order = Order(self, after=args.after, deleted_with=args.deleted_with)
        # The exemptions first, and with `ready` before any namespace changes; what is no longer wanted is deleted
        # when all else is done. So a namespace on its way is never called with a TLS that its pods lack.
        exemptions = submit_all(documents.exemptions, opts=order.after())
        mutual_tls = submit(documents.mutual_tls, opts=order.after(*exemptions))
        allow = [submit(documents.gateway_allow, opts=order.after())] if documents.gateway_allow else []
        deny_all = submit(documents.deny_all, opts=order.after(*allow))
        # Clients speak mutual TLS before servers insist on it.
        peer_authentication = submit(documents.peer_authentication, opts=order.after(mutual_tls))
        defaults = submit_all((documents.sidecar, documents.telemetry, *documents.envoy_filters), opts=order.after())

        self.mode = pulumi.Output.from_input(mesh_mode(args.mesh, args.namespaces))
        self.ready = order.last(*exemptions, mutual_tls, *allow, deny_all, peer_authentication, *defaults)
        self.register_outputs({"mode": self.mode})

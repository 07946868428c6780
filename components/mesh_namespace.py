"""One namespace of the stack, the unit of migration, and the applications in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.application import Application, ApplicationArgs
from components.order import Order
from components.submission import patch_namespace, submit, submit_all
from configuration.applications import Namespace
from configuration.kinds.secrets import NO_SECRETS, Secrets
from configuration.mesh import Mesh
from manifests.images import Images
from manifests.interface_endpoints import NO_ENDPOINTS, InterfaceEndpoints
from manifests.mesh_graph import Member, MeshGraph
from manifests.mesh_policies import MeshMode, mesh_mode
from manifests.names import registry_host
from manifests.namespace import namespace_documents


@dataclass(frozen=True, kw_only=True)
class MeshNamespaceArgs:
    namespace: Namespace
    mesh: Mesh
    mode: MeshMode
    """The mesh-wide one."""
    graph: MeshGraph
    images: Images
    tracing: bool
    secrets: Secrets
    """The stack's."""
    cluster_name: str
    region: str
    after: Sequence[pulumi.Resource]
    """The mesh-wide policies, the control plane, the gateway, and what mounts secrets."""
    deleted_with: pulumi.Resource | None


class MeshNamespace(pulumi.ComponentResource):
    namespace_name: pulumi.Output[str]
    phase: pulumi.Output[str]
    ready: tuple[pulumi.Resource, ...]

    def __init__(self, name: str, args: MeshNamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mesh:mesh_namespace:MeshNamespace", name, None, opts)
        documents = namespace_documents(
            args.namespace, mesh=args.mesh, mode=args.mode, graph=args.graph, tracing=args.tracing
        )
        self.namespace_name = pulumi.Output.from_input(args.namespace.name)
        self.phase = pulumi.Output.from_input(args.namespace.phase)
        outputs = {"namespace_name": self.namespace_name, "phase": self.phase}
        if args.namespace.delivery == "git":
            # Two who apply the same fields take them from each other, at every reconciliation.
            self.ready = ()
            self.register_outputs(outputs)
            return
        order = Order(self, after=args.after, deleted_with=args.deleted_with)
        make = patch_namespace if args.namespace.existing else submit
        namespace = make(documents.namespace, opts=order.after())
        policies = submit_all(documents.policies, opts=order.after(namespace))
        tenants = submit_all(documents.tenants, opts=order.after(namespace))
        external_hosts = {
            host: submit_all(entries, opts=order.after(namespace)) for host, entries in documents.external_hosts.items()
        }
        applications = tuple(
            Application(
                f"{args.namespace.name}/{application.name}",
                ApplicationArgs(
                    member=Member(namespace=args.namespace, application=application),
                    graph=args.graph,
                    images=args.images,
                    revision=args.mesh.revision(args.namespace.istio_version),
                    tracing=args.tracing,
                    secrets=args.secrets,
                    cluster_name=args.cluster_name,
                    region=args.region,
                    # Of the external hosts its own only: the number of dependencies stays linear.
                    after=(
                        *(policies or (namespace,)),
                        *(
                            entry
                            for host in sorted(set(map(registry_host, application.egress)))
                            for entry in external_hosts.get(host, ())
                        ),
                    ),
                    deleted_with=args.deleted_with,
                ),
                pulumi.ResourceOptions(parent=self),
            )
            for application in args.namespace.applications
        )
        rolled_out = tuple(resource for application in applications for resource in application.ready)
        # STRICT comes last: by then every pod that the program deploys has its sidecar, and every caller uses it.
        strict = (submit(documents.strict, opts=order.after(*(rolled_out or policies))),) if documents.strict else ()

        self.ready = (*(strict or rolled_out or policies), *tenants) or (namespace,)
        self.register_outputs(outputs)


def mesh_namespaces(
    namespaces: tuple[Namespace, ...],
    *,
    mesh: Mesh,
    images: Images,
    tracing: bool,
    secrets: Secrets = NO_SECRETS,
    cluster_name: str,
    region: str,
    endpoints: InterfaceEndpoints = NO_ENDPOINTS,
    after: Sequence[pulumi.Resource],
    deleted_with: pulumi.Resource | None,
    opts: pulumi.ResourceOptions | None = None,
) -> tuple[MeshNamespace, ...]:
    """Every namespace of the stack, each under its own name. They need nothing of each other.

    cluster_name: of the EKS cluster; endpoints: the VPC's own, of AWS's services.
    """
    graph = MeshGraph.of(mesh, namespaces, endpoints=endpoints)
    mode = mesh_mode(mesh, namespaces)
    return tuple(
        MeshNamespace(
            namespace.name,
            MeshNamespaceArgs(
                namespace=namespace,
                mesh=mesh,
                mode=mode,
                graph=graph,
                images=images,
                tracing=tracing,
                secrets=secrets,
                cluster_name=cluster_name,
                region=region,
                after=after,
                deleted_with=deleted_with,
            ),
            opts,
        )
        for namespace in namespaces
    )

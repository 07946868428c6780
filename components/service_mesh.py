"""Istio's control planes: the charts base and cni, istiod once for each revision, and the mesh's own namespaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.order import Order
from components.submission import release, submit
from configuration.mesh import Gateway, Mesh, revision_of
from manifests.images import Images
from manifests.istio_values import IstioValues
from manifests.names import ISTIO_SYSTEM, KUBE_SYSTEM
from manifests.namespace import gateway_namespace, mesh_system_namespace
from versions import istio_chart

# Version -> what its release was before each revision had one. Helm's name changes too, and two releases cannot own the
# same objects: the old one goes first, once.
_EARLIER_NAME = {
    "1.31.1": pulumi.ResourceOptions(aliases=[pulumi.Alias(name="istiod")], delete_before_replace=True),
}


@dataclass(frozen=True, kw_only=True)
class ServiceMeshArgs:
    mesh: Mesh
    gateway: Gateway
    """For its namespace, which is made here."""
    images: Images
    cluster_name: str
    tracing: bool
    """Whether the stack has the collector that the tracing provider names."""
    after: Sequence[pulumi.Resource]
    """What a pod needs to run: the cluster's nodes and add-ons."""
    deleted_with: pulumi.Resource | None
    """The cluster: with it all of this is gone."""


class ServiceMesh(pulumi.ComponentResource):
    revision: pulumi.Output[str]
    """Of the istiod that serves whatever names no other, e.g. `1-31-1`."""
    trust_domain: pulumi.Output[str]
    ingress_namespace: pulumi.Resource
    """`istio-ingress`: it is here because the gateway's certificate must be in it before the gateway itself."""
    ready: tuple[pulumi.Resource, ...]
    """What must stand before the first Istio object is submitted or the first pod is to get a sidecar."""

    def __init__(self, name: str, args: ServiceMeshArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mesh:service_mesh:ServiceMesh", name, None, opts)
        values = IstioValues(mesh=args.mesh, images=args.images, cluster_name=args.cluster_name, tracing=args.tracing)
        order = Order(self, after=args.after, deleted_with=args.deleted_with)
        newest = args.mesh.istio_versions[-1]
        system = submit(mesh_system_namespace(args.mesh), opts=order.after())
        base = release(
            "istio-base",
            istio_chart("base", newest),
            namespace=ISTIO_SYSTEM,
            values=values.base(),
            opts=order.after(system),
        )
        cni = release(
            "istio-cni", istio_chart("cni", newest), namespace=KUBE_SYSTEM, values=values.cni(), opts=order.after(base)
        )
        # After the CNI: a pod that istiod injects before its node can redirect it would not start.
        # A revision that goes is deleted last, as the engine deletes: by then nothing names it any more.
        control_planes = tuple(
            release(
                f"istiod-{revision_of(version)}",
                istio_chart("istiod", version),
                namespace=ISTIO_SYSTEM,
                values=values.istiod(version),
                opts=pulumi.ResourceOptions.merge(order.after(cni), _EARLIER_NAME.get(version)),
            )
            for version in args.mesh.istio_versions
        )
        # After them: a gateway pod that starts once the label names a revision must find that one's webhook.
        gateway = gateway_namespace(args.mesh, args.gateway)
        self.ingress_namespace = submit(gateway, opts=order.after(*control_planes))
        self.revision = pulumi.Output.from_input(args.mesh.revision())
        self.trust_domain = pulumi.Output.from_input(args.mesh.trust_domain)
        self.ready = (self.ingress_namespace,)
        self.register_outputs({"revision": self.revision, "trust_domain": self.trust_domain})

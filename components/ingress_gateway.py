"""The shared gateway: its pods, and what they listen for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.submission import release, submit
from configuration.applications import Namespace
from configuration.mesh import Gateway, Mesh
from manifests.gateway import gateway_document
from manifests.istio_values import gateway_values
from manifests.names import GATEWAY, GATEWAY_REF, ISTIO_INGRESS, gateway_principal
from versions import istio_chart


@dataclass(frozen=True, kw_only=True)
class IngressGatewayArgs:
    mesh: Mesh
    gateway: Gateway
    namespaces: tuple[Namespace, ...]
    """For the hosts whose TLS is passed through."""
    after: Sequence[pulumi.Resource]
    """istiod, which injects the pods; the namespace; the certificate that they serve."""
    deleted_with: pulumi.Resource | None


class IngressGateway(pulumi.ComponentResource):
    service_name: pulumi.Output[str]
    namespace: pulumi.Output[str]
    principal: pulumi.Output[str]
    """Its identity in the mesh, as AuthorizationPolicies spell it."""
    gateway_ref: pulumi.Output[str]
    """How a VirtualService names the Gateway: `<namespace>/<name>`."""
    ready: tuple[pulumi.Resource, ...]
    """Its pods and Service (the first), and the Gateway. What sends traffic to it depends on these."""

    def __init__(self, name: str, args: IngressGatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mesh:ingress_gateway:IngressGateway", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, depends_on=[*args.after], deleted_with=args.deleted_with)
        # The release's name is the pods' service account, and so their identity.
        pods = release(
            GATEWAY,
            istio_chart("gateway", args.gateway.istio_version or args.mesh.istio_version),
            namespace=ISTIO_INGRESS,
            values=gateway_values(args.mesh, args.gateway),
            opts=child,
        )
        gateway = submit(gateway_document(args.namespaces), opts=child)

        self.service_name = pulumi.Output.from_input(GATEWAY)
        self.namespace = pulumi.Output.from_input(ISTIO_INGRESS)
        self.principal = pulumi.Output.from_input(gateway_principal(args.mesh.trust_domain))
        self.gateway_ref = pulumi.Output.from_input(GATEWAY_REF)
        self.ready = (pods, gateway)
        self.register_outputs(
            {
                "service_name": self.service_name,
                "namespace": self.namespace,
                "principal": self.principal,
                "gateway_ref": self.gateway_ref,
            }
        )

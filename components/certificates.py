"""cert-manager, the issuer, and the gateway's certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.order import Order
from components.submission import release, submit
from configuration import mesh
from manifests.cert_manager import cert_manager_values, certificate_documents
from manifests.images import Images
from manifests.names import CERT_MANAGER
from manifests.namespace import platform_namespace
from versions import CERT_MANAGER_CHART


@dataclass(frozen=True, kw_only=True)
class CertificatesArgs:
    certificates: mesh.Certificates
    images: Images
    domain: str
    """The load balancer's: the certificate covers it and every name one label below it."""
    provided: bool
    """Whether the cluster has cert-manager already, in the namespace that this program would make."""
    ingress_namespace: pulumi.Resource
    """`istio-ingress`, into which the certificate's secret goes."""
    after: Sequence[pulumi.Resource]
    """What a pod needs to run: the cluster's nodes and add-ons."""
    deleted_with: pulumi.Resource | None


class Certificates(pulumi.ComponentResource):
    issuer_name: pulumi.Output[str]
    """The ClusterIssuer that signs the gateway's certificate."""
    ready: tuple[pulumi.Resource, ...]
    """The gateway's certificate, issued."""

    def __init__(self, name: str, args: CertificatesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mesh:certificates:Certificates", name, None, opts)
        order = Order(self, after=args.after, deleted_with=args.deleted_with)
        previous = [] if args.provided else [_cert_manager(order, args.images)]
        documents = certificate_documents(args.certificates, domain=args.domain)
        for issuer in documents.issuers:
            previous = [submit(issuer, opts=order.after(*previous))]
        certificate = submit(documents.certificate, opts=order.after(*previous, args.ingress_namespace))

        self.issuer_name = pulumi.Output.from_input(documents.issuer_name)
        self.ready = (certificate,)
        self.register_outputs({"issuer_name": self.issuer_name})


def _cert_manager(order: Order, images: Images) -> pulumi.Resource:
    """There once its webhook answers: the chart's own check after installing waits for it."""
    return release(
        "cert-manager",
        CERT_MANAGER_CHART,
        namespace=CERT_MANAGER,
        values=cert_manager_values(images),
        opts=order.after(submit(platform_namespace(CERT_MANAGER), opts=order.after())),
    )

"""Every document that the program submits for a stack, in one place; the charts bring what is not here.

The components submit the same documents in their order; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from configuration.applications import Namespace
from configuration.settings import Settings
from manifests.admission.documents import admission_documents
from manifests.application import application_documents
from manifests.cert_manager import certificate_documents
from manifests.collector import collector_documents
from manifests.document import Document
from manifests.gateway import gateway_document
from manifests.images import Images
from manifests.ingress import alb_ingress, nlb_service
from manifests.interface_endpoints import interface_endpoints
from manifests.karpenter import Launch, node_class, node_pool
from manifests.load_balancer_controller import controller_crds
from manifests.mesh_graph import Member, MeshGraph
from manifests.mesh_policies import MeshMode, mesh_mode, mesh_policy_documents
from manifests.names import CERT_MANAGER, OBSERVABILITY
from manifests.namespace import (
    gateway_namespace,
    mesh_system_namespace,
    namespace_documents,
    platform_namespace,
    platform_namespaces,
)
from manifests.platform_network_policies import platform_network_policies


@dataclass(frozen=True, kw_only=True)
class StackDocuments:
    settings: Settings

    @cached_property
    def graph(self) -> MeshGraph:
        settings = self.settings
        endpoints = interface_endpoints(settings.network, region=settings.region)
        return MeshGraph.of(settings.mesh, settings.namespaces, endpoints=endpoints)

    @property
    def images(self) -> Images:
        return Images(self.settings.image_registry)

    @property
    def mode(self) -> MeshMode:
        """Of the mesh-wide PeerAuthentication."""
        return mesh_mode(self.settings.mesh, self.settings.namespaces)

    def all(
        self, *, certificate_arn: Any, web_acl_arn: Any = None, launch: Launch | None = None, tags: Mapping[str, str]
    ) -> tuple[Document, ...]:
        """The whole stack but what Git delivers (`git_files`). The arguments are `load_balancer`'s and `nodes`'."""
        return (
            *(self.nodes(launch, tags=tags) if launch else ()),
            *self.platform(),
            *self.of(item for item in self.settings.namespaces if item.delivery == "pulumi"),
            *self.load_balancer(certificate_arn=certificate_arn, web_acl_arn=web_acl_arn, tags=tags),
        )

    def platform(self) -> Iterator[Document]:
        """The platform's namespaces and what holds for the whole mesh; nothing of an application's namespace."""
        settings = self.settings
        yield from admission_documents(
            settings.admission,
            mesh=settings.mesh,
            namespaces=settings.namespaces,
            platform=platform_namespaces(settings.cluster),
            images=self.images,
        )
        yield from (mesh_system_namespace(settings.mesh), gateway_namespace(settings.mesh, settings.gateway))
        if not settings.cluster.provided.load_balancer_controller:
            yield from controller_crds()
        if not settings.cluster.provided.cert_manager:
            yield platform_namespace(CERT_MANAGER)
        certificates = certificate_documents(settings.certificates, domain=settings.load_balancer.domain)
        yield from (*certificates.issuers, certificates.certificate)
        if settings.observability.tracing:
            yield platform_namespace(OBSERVABILITY)
            yield from collector_documents(region=settings.region, images=self.images)
        mesh = mesh_policy_documents(
            mesh=settings.mesh,
            observability=settings.observability,
            namespaces=settings.namespaces,
            cluster_name=settings.cluster.name,
            environment=settings.environment,
        )
        yield from (*mesh.exemptions, mesh.mutual_tls)
        if mesh.gateway_allow:
            yield mesh.gateway_allow
        yield from (mesh.deny_all, mesh.peer_authentication, mesh.sidecar, mesh.telemetry, *mesh.envoy_filters)
        yield gateway_document(settings.namespaces)
        yield from platform_network_policies(settings)

    def of(self, namespaces: Iterable[Namespace]) -> Iterator[Document]:
        """Those of some of the stack's namespaces, their applications' included."""
        mesh, tracing = self.settings.mesh, self.settings.observability.tracing
        for namespace in namespaces:
            found = namespace_documents(namespace, mesh=mesh, mode=self.mode, graph=self.graph, tracing=tracing)
            yield from (found.namespace, *found.policies, *found.tenants)
            for entries in found.external_hosts.values():
                yield from entries
            if found.strict:
                yield found.strict
            for application in namespace.applications:
                yield from self.application(Member(namespace=namespace, application=application))

    def application(self, member: Member) -> Iterator[Document]:
        found = application_documents(
            member,
            graph=self.graph,
            images=self.images,
            revision=self.settings.mesh.revision(member.namespace.istio_version),
            tracing=self.settings.observability.tracing,
            secrets=self.settings.secrets,
            region=self.settings.region,
        )
        one = (
            found.service_account,
            found.secret,
            found.secret_provider_class,
            found.deployment,
            found.autoscaler,
            found.destination_rule,
            found.virtual_service,
        )
        yield from (*found.policies, *found.workload)
        yield from (document for document in one if document)

    def nodes(self, launch: Launch, *, tags: Mapping[str, str]) -> Iterator[Document]:
        """What Karpenter makes nodes from.

        launch: known only once AWS has made it; tags: for the instances.
        """
        if self.settings.cluster.node_group.autoscaler == "karpenter":
            yield node_class(self.settings.cluster, launch, tags=tags)
            yield node_pool(self.settings.cluster)

    def load_balancer(
        self, *, certificate_arn: Any, web_acl_arn: Any = None, tags: Mapping[str, str]
    ) -> Iterator[Document]:
        """What becomes the ALB and the NLB.

        certificate_arn, web_acl_arn: known only once AWS has made them; tags: for what the controller makes.
        """
        balancer = self.settings.load_balancer
        if "alb" in balancer.entries:
            yield alb_ingress(balancer, certificate_arn=certificate_arn, web_acl_arn=web_acl_arn, tags=tags)
        if "nlb" in balancer.entries:
            yield nlb_service(balancer, tags=tags)

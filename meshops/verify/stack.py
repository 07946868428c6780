"""What the settings say that the cluster must show: applications, identities, and the documents of the program."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from configuration.applications import Namespace
from configuration.settings import Settings
from manifests.application import application_documents
from manifests.cert_manager import certificate_documents
from manifests.document import Document
from manifests.gateway import gateway_document
from manifests.images import Images
from manifests.mesh_graph import Member, MeshGraph
from manifests.mesh_policies import MeshMode, mesh_mode, mesh_policy_documents
from manifests.names import GATEWAY, INJECTION_LABEL, ISTIO_INGRESS, ISTIO_SYSTEM, gateway_principal
from manifests.namespace import namespace_documents

_PLATFORM_INJECTED = (ISTIO_INGRESS,)


@dataclass(frozen=True, kw_only=True)
class Stack:
    """only: the namespaces to look at, of those that the settings list; empty for all of them."""

    name: str
    settings: Settings
    only: frozenset[str] = frozenset()

    @cached_property
    def graph(self) -> MeshGraph:
        return MeshGraph(
            namespaces=self.settings.namespaces,
            trust_domain=self.settings.mesh.trust_domain,
            plaintext_hosts=frozenset(service.host for service in self.settings.mesh.plaintext_services),
        )

    @property
    def images(self) -> Images:
        return Images(self.settings.image_registry)

    @property
    def mode(self) -> MeshMode:
        """Of the mesh-wide PeerAuthentication."""
        return mesh_mode(self.settings.mesh, self.settings.namespaces)

    @property
    def gateway_identity(self) -> str:
        return gateway_principal(self.settings.mesh.trust_domain)

    @cached_property
    def namespaces(self) -> tuple[Namespace, ...]:
        """The ones in scope."""
        return tuple(item for item in self.settings.namespaces if not self.only or item.name in self.only)

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """The applications in scope that are in the mesh."""
        return tuple(
            Member(namespace=namespace, application=application)
            for namespace in self.namespaces
            if namespace.in_mesh
            for application in namespace.applications
        )

    @property
    def listeners(self) -> tuple[Member, ...]:
        """Those of them that have a port."""
        return tuple(member for member in self.members if member.application.port is not None)

    @property
    def published(self) -> tuple[Member, ...]:
        """Those whose public hosts the gateway serves, by ending their TLS."""
        return tuple(
            member for member in self.listeners if member.application.hosts and member.application.tls == "terminate"
        )

    @property
    def injected_namespaces(self) -> frozenset[str]:
        """Where every pod must have a proxy."""
        return frozenset(item.name for item in self.namespaces if item.in_mesh) | frozenset(_PLATFORM_INJECTED)

    def principal(self, member: Member) -> str:
        return self.graph.principal(member)

    def mtls_mode(self, namespace: Namespace) -> MeshMode:
        """What its pods must ask for."""
        return "STRICT" if namespace.phase == "strict" else "PERMISSIVE"

    @cached_property
    def namespace_labels(self) -> dict[str, dict[str, str]]:
        """Namespace -> the labels that the program sets on it."""
        labels = {item["metadata"]["name"]: item["metadata"].get("labels", {}) for item in self._of_kind("Namespace")}
        if not self.only:
            labels[ISTIO_INGRESS] = {INJECTION_LABEL: self.settings.mesh.revision_tag}
        return labels

    @cached_property
    def documents(self) -> tuple[Document, ...]:
        """Everything the program submits for the mesh, the gateway and the namespaces in scope.

        Without the load balancer's own, whose values come from AWS, and without the charts.
        """
        return (*self._shared(), *self._of_namespaces())

    def of_kind(self, *kinds: str) -> tuple[Document, ...]:
        return tuple(self._of_kind(*kinds))

    def _of_kind(self, *kinds: str) -> Iterable[Document]:
        return (item for item in self.documents if item["kind"] in kinds)

    def _shared(self) -> Iterable[Document]:
        settings = self.settings
        mesh = mesh_policy_documents(
            mesh=settings.mesh,
            observability=settings.observability,
            namespaces=settings.namespaces,
            cluster_name=settings.cluster.name,
            environment=settings.environment,
        )
        yield from mesh.exemptions
        yield mesh.mutual_tls
        if mesh.gateway_allow:
            yield mesh.gateway_allow
        yield from (mesh.deny_all, mesh.peer_authentication, mesh.sidecar, mesh.telemetry)
        yield gateway_document(settings.namespaces)
        certificates = certificate_documents(settings.certificates, domain=settings.load_balancer.domain)
        yield certificates.certificate

    def _of_namespaces(self) -> Iterable[Document]:
        mesh, tracing = self.settings.mesh, self.settings.observability.tracing
        for namespace in self.namespaces:
            found = namespace_documents(namespace, mesh=mesh, mode=self.mode, graph=self.graph, tracing=tracing)
            yield found.namespace
            yield from found.policies
            for host in found.external_hosts.values():
                yield from host
            if found.strict:
                yield found.strict
            for application in namespace.applications:
                of_application = application_documents(
                    Member(namespace=namespace, application=application),
                    graph=self.graph,
                    images=self.images,
                    revision=mesh.revision,
                    tracing=tracing,
                )
                yield from of_application.policies
                if of_application.destination_rule:
                    yield of_application.destination_rule
                if of_application.virtual_service:
                    yield of_application.virtual_service


GATEWAY_KEY = (ISTIO_INGRESS, GATEWAY)
"""The gateway, where an application's namespace and name would stand."""
ROOT = ISTIO_SYSTEM

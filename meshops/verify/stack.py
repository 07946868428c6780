"""What the settings say that the cluster must show: applications, identities, and the documents of the program."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from configuration.applications import Namespace
from configuration.settings import Settings
from manifests.document import Document
from manifests.images import Images
from manifests.mesh_graph import Member, MeshGraph
from manifests.mesh_policies import MeshMode
from manifests.names import GATEWAY, ISTIO_INGRESS, ISTIO_SYSTEM, gateway_principal
from manifests.stack import StackDocuments

_PLATFORM_INJECTED = (ISTIO_INGRESS,)


@dataclass(frozen=True, kw_only=True)
class Stack:
    """only: the namespaces to look at, of those that the settings list; empty for all of them."""

    name: str
    settings: Settings
    only: frozenset[str] = frozenset()

    @cached_property
    def _made(self) -> StackDocuments:
        return StackDocuments(settings=self.settings)

    @property
    def graph(self) -> MeshGraph:
        return self._made.graph

    @property
    def images(self) -> Images:
        return self._made.images

    @property
    def mode(self) -> MeshMode:
        """Of the mesh-wide PeerAuthentication."""
        return self._made.mode

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

    def istio_version(self, namespace: str) -> str:
        """Of the sidecars that pods of an injected namespace are to have."""
        settings = self.settings
        chosen = {item.name: item.istio_version for item in settings.namespaces}
        chosen[ISTIO_INGRESS] = settings.gateway.istio_version
        return chosen.get(namespace) or settings.mesh.istio_version

    def principal(self, member: Member) -> str:
        return self.graph.principal(member)

    @cached_property
    def namespace_labels(self) -> dict[str, dict[str, str]]:
        """Namespace -> the labels that the program sets on it; the platform's own too, unless some are asked for."""
        documents = self._made.of(self.namespaces) if self.only else self.documents
        return {
            item["metadata"]["name"]: item["metadata"].get("labels", {})
            for item in documents
            if item["kind"] == "Namespace"
        }

    @cached_property
    def documents(self) -> tuple[Document, ...]:
        """Everything the program submits for the platform and the namespaces in scope.

        Without the load balancer's own, whose values come from AWS, and without the charts.
        """
        return (*self._made.platform(), *self._made.of(self.namespaces))

    def of_kind(self, *kinds: str) -> tuple[Document, ...]:
        return tuple(item for item in self.documents if item["kind"] in kinds)


GATEWAY_KEY = (ISTIO_INGRESS, GATEWAY)
"""The gateway, where an application's namespace and name would stand."""
ROOT = ISTIO_SYSTEM

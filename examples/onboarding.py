"""The program's own documents for a namespace, as if a stack's settings declared it."""

from __future__ import annotations

from configuration.applications import Namespace
from configuration.mesh import Mesh
from manifests.application import application_documents
from manifests.document import Document
from manifests.images import Images
from manifests.mesh_graph import Member, MeshGraph
from manifests.namespace import namespace_documents


def onboarded(namespace: Namespace, *, revision: str) -> tuple[Document, ...]:
    """All of them in the order of submission, without the gateway's. revision: the control plane's.

    In a mesh that is STRICT as a whole. The trust domain is written `cluster.local`, which in a policy means the mesh's
    own, and a collector that does not exist does no harm.
    """
    mesh = Mesh(istio_version=revision.replace("-", "."))
    graph = MeshGraph(namespaces=(namespace,), trust_domain="cluster.local")
    own = namespace_documents(namespace, mesh=mesh, mode="STRICT", graph=graph, tracing=True)
    documents = [own.namespace, *own.policies, *(entry for host in own.external_hosts.values() for entry in host)]
    for application in namespace.applications:
        member = Member(namespace=namespace, application=application)
        parts = application_documents(member, graph=graph, images=Images(), revision=revision, tracing=True, region="")
        alone = (parts.service_account, parts.deployment, parts.destination_rule, parts.virtual_service)
        documents += [*parts.policies, *parts.workload, *(part for part in alone if part is not None)]
    return (*documents, *((own.strict,) if own.strict else ()))

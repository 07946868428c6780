"""All documents of one application, in the groups in which they are submitted."""

from __future__ import annotations

from dataclasses import dataclass

from configuration.kinds.secrets import NO_SECRETS, Secrets
from manifests.authentication import authentication_documents
from manifests.authorization import application_authorization
from manifests.document import Document
from manifests.environment import environment_secret
from manifests.images import Images
from manifests.mesh_graph import Member, MeshGraph
from manifests.network_policies import application_network_policy
from manifests.routing import application_destination_rule, calls_in_plaintext, virtual_service
from manifests.secrets_manager import secret_provider_class
from manifests.shadow import application_shadow
from manifests.sidecars import application_sidecar
from manifests.workload import autoscaler, deployment, disruption_budget, service, service_account


@dataclass(frozen=True, kw_only=True)
class ApplicationDocuments:
    service_account: Document | None
    secret: Document | None
    """What its environment takes of the stack's secrets, in the clear: see `environment_secret`."""
    secret_provider_class: Document | None
    """What its environment takes of AWS Secrets Manager: which, and into which files."""
    policies: tuple[Document, ...]
    """Sidecar, what asks for a token, AuthorizationPolicy and NetworkPolicy: they must stand before its pods run. Empty
    outside the mesh."""
    deployment: Document | None
    autoscaler: Document | None
    workload: tuple[Document, ...]
    """Service and PodDisruptionBudget; with the Deployment nothing where another pipeline deploys it."""
    destination_rule: Document | None
    rule_before_pods: bool
    """Whether the DestinationRule must change before the pods do. Callers may use mutual TLS only once all pods have
    a sidecar, and must have stopped before the first pod loses its own."""
    virtual_service: Document | None


def application_documents(
    member: Member,
    *,
    graph: MeshGraph,
    images: Images,
    revision: str,
    tracing: bool,
    secrets: Secrets = NO_SECRETS,
    region: str,
) -> ApplicationDocuments:
    """revision: Istio's; tracing: whether the collector exists; secrets: the stack's; region: AWS's, of its secrets."""
    managed = member.application.workload == "managed"
    policies = (
        application_sidecar(member, graph=graph, tracing=tracing),
        *authentication_documents(member, graph),
        application_authorization(member, graph),
        *application_shadow(member, graph),
        application_network_policy(member, graph) if member.namespace.in_mesh else None,
    )
    workload = (service(member, graph), disruption_budget(member)) if managed else ()
    return ApplicationDocuments(
        service_account=service_account(member) if managed else None,
        secret=environment_secret(member, secrets) if managed else None,
        secret_provider_class=secret_provider_class(member, region=region) if managed else None,
        policies=tuple(policy for policy in policies if policy is not None),
        deployment=deployment(member, images=images, revision=revision, secrets=secrets) if managed else None,
        autoscaler=autoscaler(member) if managed else None,
        workload=tuple(part for part in workload if part is not None),
        destination_rule=application_destination_rule(member, graph),
        rule_before_pods=calls_in_plaintext(member, graph),
        virtual_service=virtual_service(member),
    )

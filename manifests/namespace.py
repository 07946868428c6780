"""A namespace: the platform's own, and those of the applications, which are the unit of migration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from configuration.applications import Namespace
from configuration.cluster import Cluster
from configuration.mesh import Gateway, Mesh
from manifests.admission.roles import tenant_bindings
from manifests.authorization import namespace_authorization
from manifests.document import Document, document
from manifests.mesh_graph import MeshGraph
from manifests.mesh_policies import MeshMode, namespace_mode
from manifests.names import CERT_MANAGER, INJECTION_LABEL, ISTIO_INGRESS, ISTIO_SYSTEM, OBSERVABILITY
from manifests.network_policies import namespace_network_policies
from manifests.shadow import namespace_shadow
from manifests.sidecars import namespace_sidecar, service_entries

PodSecurity = Literal["restricted", "baseline", "privileged"]


@dataclass(frozen=True, kw_only=True)
class NamespaceDocuments:
    namespace: Document
    policies: tuple[Document, ...]
    """What must stand before a pod of it gets a sidecar, and until the last one is gone: outside the mesh too."""
    external_hosts: dict[str, tuple[Document, ...]]
    """Declared external host -> its ServiceEntry (and what belongs to it)."""
    tenants: tuple[Document, ...]
    """Who works in it, whatever its phase."""
    strict: Document | None
    """Its PeerAuthentication, while its mode differs from the mesh's. After the workloads: see MeshNamespace."""


def platform_namespaces(cluster: Cluster) -> tuple[str, ...]:
    """Those of the platform's own. A cert-manager that was there before stays its owner's, with its namespace."""
    ours = () if cluster.provided.cert_manager else (CERT_MANAGER,)
    return (ISTIO_SYSTEM, ISTIO_INGRESS, *ours, OBSERVABILITY)


def platform_namespace(
    name: str, *, pod_security: PodSecurity = "restricted", labels: Mapping[str, str] | None = None
) -> Document:
    """A namespace of the platform's own, with the Pod Security level that its pods fit."""
    return document("v1", "Namespace", name, labels={**_enforced(pod_security), **(labels or {})})


def mesh_system_namespace(mesh: Mesh) -> Document:
    """`istio-system`. The label tells istiod which network the pods without a sidecar are on: all agree then."""
    return platform_namespace(ISTIO_SYSTEM, labels={"topology.istio.io/network": mesh.network})


def gateway_namespace(mesh: Mesh, gateway: Gateway) -> Document:
    """`istio-ingress`, which is injected: the gateway's pods are nothing but a proxy."""
    return platform_namespace(
        ISTIO_INGRESS,
        labels={
            INJECTION_LABEL: mesh.revision(gateway.istio_version),
            # A gateway pod counts as ready only once the load balancer sends to it.
            "elbv2.k8s.aws/pod-readiness-gate-inject": "enabled",
        },
    )


def namespace_documents(
    namespace: Namespace, *, mesh: Mesh, mode: MeshMode, graph: MeshGraph, tracing: bool
) -> NamespaceDocuments:
    """Everything of one namespace that is not one application's. mode: the mesh-wide one."""
    return NamespaceDocuments(
        namespace=_namespace(namespace, mesh),
        policies=(
            *namespace_shadow(namespace),
            namespace_authorization(namespace),
            namespace_sidecar(namespace, tracing=tracing),
            # They alone would close pods without a sidecar.
            *(namespace_network_policies(namespace, tracing=tracing) if namespace.in_mesh else ()),
        ),
        external_hosts=service_entries(namespace),
        tenants=tenant_bindings(namespace),
        strict=_peer_authentication(namespace, mode),
    )


def _namespace(namespace: Namespace, mesh: Mesh) -> Document:
    labels: dict[str, str] = {}
    if namespace.in_mesh:
        # Derived as the control plane's own revision is: the two cannot disagree (trap 1).
        labels[INJECTION_LABEL] = mesh.revision(namespace.istio_version)
        labels |= _enforced(namespace.pod_security)
    else:
        # Outside, its pods are somebody's running system: tell, but refuse nothing yet.
        labels["pod-security.kubernetes.io/audit"] = namespace.pod_security
        labels["pod-security.kubernetes.io/warn"] = namespace.pod_security
    return document("v1", "Namespace", namespace.name, labels=labels)


def _enforced(level: PodSecurity) -> dict[str, str]:
    return {
        "pod-security.kubernetes.io/enforce": level,
        "pod-security.kubernetes.io/audit": level,
        "pod-security.kubernetes.io/warn": level,
    }


def _peer_authentication(namespace: Namespace, mode: MeshMode) -> Document | None:
    own = namespace_mode(namespace)
    if own == mode:
        return None
    return document(
        "security.istio.io/v1",
        "PeerAuthentication",
        "default",
        namespace=namespace.name,
        spec={"mtls": {"mode": own}},
    )

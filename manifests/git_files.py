"""The documents of a namespace that Git delivers, in the files of a repository that Flux or Argo CD applies."""

from __future__ import annotations

from collections.abc import Iterable

from manifests.document import Document

KUSTOMIZATION = "kustomization.yaml"
_FILES: dict[str, str] = {
    "Namespace": "namespace.yaml",
    "Sidecar": "istio-sidecar.yaml",
    "ServiceEntry": "istio-sidecar.yaml",
    "AuthorizationPolicy": "istio-authorizationpolicy.yaml",
    "RequestAuthentication": "istio-authorizationpolicy.yaml",
    "DestinationRule": "istio-destinationrule.yaml",
    "VirtualService": "virtual-service.yaml",
    "PeerAuthentication": "istio-peerauthentication.yaml",
    "NetworkPolicy": "network-policy.yaml",
    "RoleBinding": "role-binding.yaml",
}


def git_files(documents: Iterable[Document]) -> dict[str, tuple[Document, ...]]:
    """File -> its documents, sorted by file; and `kustomization.yaml`, which names the others.

    A kind of its own would need a file of its own: KeyError.
    """
    found: dict[str, list[Document]] = {}
    for document in documents:
        found.setdefault(_FILES[document["kind"]], []).append(document)
    files = {name: tuple(found[name]) for name in sorted(found)}
    kustomization: Document = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(files),
    }
    return {**files, KUSTOMIZATION: (kustomization,)}

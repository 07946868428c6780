"""Who owns a field of an object, by the API server's own record; and whether Git does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# fluxcd/pkg/ssa and the controllers' names; argo-cd/common/common.go (ArgoCDSSAManager) and its controller's binary.
GIT_MANAGERS: dict[str, str] = {
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
    "argocd-controller": "Argo CD",
    "argocd-application-controller": "Argo CD",
}
# https://fluxcd.io/flux/components/kustomize/kustomizations/ and
# https://argo-cd.readthedocs.io/en/release-3.3/user-guide/resource_tracking/. `app.kubernetes.io/instance`, Argo CD's
# older mark, is any Helm chart's too: by itself it says nothing.
_KUSTOMIZATION = "kustomize.toolkit.fluxcd.io"
_RELEASE = "helm.toolkit.fluxcd.io"
_TRACKING = "argocd.argoproj.io/tracking-id"
# Whose fields kustomize-controller takes over at every reconciliation, to drop those that Git has not: by this
# prefix. https://fluxcd.io/flux/faq/#why-are-kubectl-edits-rolled-back-by-flux, and `fieldManagers` in its
# internal/controller/kustomization_controller.go; what others apply stays until Git says otherwise.
_UNDONE = "kubectl"
_BY_KUSTOMIZE = ("Flux (Kustomization ", "Flux (field manager kustomize-controller)")


def managers(item: Mapping[str, Any], *path: str) -> tuple[str, ...]:
    """The field managers that own the field at this path, e.g. `metadata`, `labels`, `istio.io/rev`; sorted.

    https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management. Empty where the record was left
    out: `kubectl get` shows it with `--show-managed-fields` only.
    """
    found = set()
    for entry in (item.get("metadata") or {}).get("managedFields") or ():
        fields: Any = entry.get("fieldsV1") or {}
        for step in path:
            fields = fields.get(f"f:{step}") if isinstance(fields, Mapping) else None
        if fields is not None:
            found.add(str(entry.get("manager", "")))
    return tuple(sorted(found))


def undone(item: Mapping[str, Any], *path: str) -> bool:
    """Whether Flux takes the field at this path away at its next reconciliation, unless it is in Git."""
    return git_owner(item).startswith(_BY_KUSTOMIZE) and any(name.startswith(_UNDONE) for name in managers(item, *path))


def git_owner(item: Mapping[str, Any]) -> str:
    """`Flux (Kustomization flux-system/shop)` or `Argo CD (Application shop)`; empty where Git does not own it."""
    metadata = item.get("metadata") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    for prefix, kind in ((_KUSTOMIZATION, "Kustomization"), (_RELEASE, "HelmRelease")):
        if name := labels.get(f"{prefix}/name"):
            return f"Flux ({kind} {labels.get(f'{prefix}/namespace', '?')}/{name})"
    if tracking := annotations.get(_TRACKING):
        return f"Argo CD (Application {str(tracking).partition(':')[0]})"
    return next((f"{GIT_MANAGERS[name]} (field manager {name})" for name in _all(metadata) if name in GIT_MANAGERS), "")


def _all(metadata: Mapping[str, Any]) -> Iterator[str]:
    for entry in metadata.get("managedFields") or ():
        yield str(entry.get("manager", ""))

"""Who owns a field of an object, as the API server and the marks of Flux and Argo CD tell."""

from __future__ import annotations

from typing import Any

import pytest

from meshops.owners import git_owner, managers, undone


def of(
    manager: str = "", labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None
) -> dict[str, Any]:
    fields = {"f:metadata": {"f:labels": {".": {}, "f:istio.io/rev": {}}}}
    recorded = [{"manager": manager, "operation": "Apply", "fieldsV1": fields}] if manager else []
    return {"metadata": {"labels": labels or {}, "annotations": annotations or {}, "managedFields": recorded}}


def test_the_owner_of_a_label_would_stay_unknown() -> None:
    item = of("kubectl-label")
    assert managers(item, "metadata", "labels", "istio.io/rev") == ("kubectl-label",)
    assert managers(item, "metadata", "labels", "other") == ()
    assert managers({"metadata": {}}, "metadata") == ()


@pytest.mark.parametrize(
    ("item", "owner"),
    [
        (
            of(labels={"kustomize.toolkit.fluxcd.io/name": "a", "kustomize.toolkit.fluxcd.io/namespace": "b"}),
            "Flux (Kustomization b/a)",
        ),
        (
            of(labels={"helm.toolkit.fluxcd.io/name": "a", "helm.toolkit.fluxcd.io/namespace": "b"}),
            "Flux (HelmRelease b/a)",
        ),
        (of(annotations={"argocd.argoproj.io/tracking-id": "a:/Namespace:/a"}), "Argo CD (Application a)"),
        (of("argocd-controller"), "Argo CD (field manager argocd-controller)"),
        (of("kustomize-controller"), "Flux (field manager kustomize-controller)"),
        (of("kubectl-client-side-apply", labels={"app.kubernetes.io/instance": "a"}), ""),
    ],
)
def test_a_repository_would_be_overlooked(item: dict[str, Any], owner: str) -> None:
    assert git_owner(item) == owner


_PATH = ("metadata", "labels", "istio.io/rev")
_KUSTOMIZATION = {"kustomize.toolkit.fluxcd.io/name": "a", "kustomize.toolkit.fluxcd.io/namespace": "b"}


def test_what_kubectl_set_past_flux_would_be_taken_to_stay() -> None:
    # On the lab: tests/lab/commands/test_gitops.py.
    assert undone(of("kubectl-label", labels=_KUSTOMIZATION), *_PATH)
    assert not undone(of("pulumi-kubernetes", labels=_KUSTOMIZATION), *_PATH)
    assert not undone(of("kubectl-label", labels={"helm.toolkit.fluxcd.io/name": "a"}), *_PATH)
    assert not undone(of("kubectl-label"), *_PATH)

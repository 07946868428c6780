"""The namespaces that somebody else made: that they are there, and who would take their label away."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import pytest

from configuration.applications import Namespace
from configuration.settings import Settings
from meshops.checks.model import Unavailable
from meshops.preflight.aws import Endpoint
from meshops.preflight.namespaces import check
from tests.unit.meshops.preflight.preflight_stack import settings_of

ENDPOINT = Endpoint(public=True, public_cidrs=("198.51.100.0/24",), url="https://ABC.gr7.eu-west-1.eks.amazonaws.com")
FLUX = {"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}


def settings(*, existing: bool = True, delivery: Literal["pulumi", "git"] = "pulumi") -> Settings:
    shop = Namespace(name="shop", phase="permissive", existing=existing, delivery=delivery)
    return dataclasses.replace(settings_of(), namespaces=(shop,))


def namespace(*managers: str, **labels: str) -> dict[str, Any]:
    owned = {"f:metadata": {"f:labels": {"f:istio.io/rev": {}}}}
    fields = [{"manager": name, "fieldsV1": owned} for name in managers]
    return {"metadata": {"name": "shop", "labels": labels, "managedFields": fields}}


REV = {"istio.io/rev": "1-31-1"}
FAILS = {
    "it is not there": (settings(), (), "Namespace shop is not there"),
    "Flux owns it and nobody has labelled it": (
        settings(),
        (namespace(**FLUX),),
        "Flux (Kustomization flux-system/shop) owns it, and istio.io/rev (not set yet) is not in its Git: it may go.",
    ),
    "somebody labelled it past Flux": (
        settings(),
        (namespace("kubectl-label", **FLUX, **REV),),
        "istio.io/rev (set by kubectl-label) is not in its Git: it goes at its next reconciliation.",
    ),
    "somebody applied it past Flux, which leaves it until its Git says otherwise": (
        settings(),
        (namespace("pulumi-kubernetes", **FLUX, **REV),),
        "istio.io/rev (set by pulumi-kubernetes) is not in its Git: it may go.",
    ),
    "its Git lacks the label": (
        settings(delivery="git"),
        (namespace(**FLUX),),
        "Flux (Kustomization flux-system/shop) owns it, and istio.io/rev is missing, not 1-31-1.",
    ),
    "its Git has the label of an older control plane": (
        settings(delivery="git"),
        (namespace("kustomize-controller", **FLUX, **{"istio.io/rev": "1-30-0"}),),
        "istio.io/rev is 1-30-0, not 1-31-1.",
    ),
}


@pytest.mark.parametrize("name", FAILS)
def test_a_label_would_be_taken_away_again(name: str) -> None:
    stack, found, says = FAILS[name]
    verdict = check(stack, ENDPOINT, found)
    assert verdict.status == "fail"
    assert says in verdict.finding


@pytest.mark.parametrize(
    ("stack", "item"),
    [
        (settings(delivery="git"), namespace("kustomize-controller", **FLUX, **REV)),
        (settings(), namespace("kustomize-controller", **FLUX, **REV)),
        (settings(), namespace()),
    ],
)
def test_a_label_that_stays_is_no_problem(stack: Settings, item: dict[str, Any]) -> None:
    assert check(stack, ENDPOINT, (item,)).status == "pass"


def test_without_namespaces_of_somebody_elses_nothing_is_asked() -> None:
    lost = Unavailable(reason="no kubeconfig", remedy="give one")
    assert check(settings(existing=False), ENDPOINT, lost).status == "pass"
    assert check(settings(), ENDPOINT, lost).status == "unknown"

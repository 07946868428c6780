"""MR801: A custom resource comes after the release that defines it, and after its webhook's."""

from __future__ import annotations

from collections.abc import Iterator

from policy.mesh import releases_of
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack

# API group's ending -> the chart that brings its definitions, and answers its webhook where it has one.
_CHARTS = {"istio.io": ("base", "istiod"), "cert-manager.io": ("cert-manager",)}
_KINDS = (
    "AuthorizationPolicy",
    "PeerAuthentication",
    "RequestAuthentication",
    "DestinationRule",
    "VirtualService",
    "Gateway",
    "ServiceEntry",
    "Sidecar",
    "EnvoyFilter",
    "Telemetry",
    "Certificate",
    "Issuer",
    "ClusterIssuer",
    "SecretProviderClass",
)
_ADDONS = {"secrets-store.csi.x-k8s.io": "aws-secrets-store-csi-driver-provider"}


@rule(
    "MR801",
    "Order",
    title="A custom resource comes after the release that defines it, and after its webhook's.",
    why="On the first `up` the API server knows no such kind; on a destroy the definition goes first and takes every "
    "object of its kind with it.",
    source="https://www.pulumi.com/docs/iac/concepts/resources/options/dependson/; "
    "https://istio.io/latest/docs/setup/install/helm/",
    severity="high",
    remedy="depends_on the component that installs the chart: components/order.py.",
    about=_KINDS,
    alone=False,
)
def after_definitions(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if addon := _ADDONS.get(resource.group):
        addons = [one for one in stack.of("aws:eks/addon:Addon") if one.at("addonName") == addon]
        if not any(stack.comes_after(resource, one) for one in addons):
            yield Flaw(field="(depends_on)", value=f"not after add-on {addon}" if addons else f"no add-on {addon}")
        return
    charts = next((charts for group, charts in _CHARTS.items() if resource.group.endswith(group)), ())
    for chart in charts:
        releases = releases_of(stack, chart)
        if not any(stack.comes_after(resource, release) for release in releases):
            yield Flaw(field="(depends_on)", value=f"not after release {chart}" if releases else f"no release {chart}")

"""MR107: Istio's images have no shell."""

from __future__ import annotations

from collections.abc import Iterator

from policy.mesh import RELEASE
from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack, chart_of


@rule(
    "MR107",
    "The seven traps",
    title="Istio's images have no shell.",
    why="An attacker in a sidecar finds one, with curl; what the distroless images lack, istioctl answers.",
    source="docs/traps.md (7); https://istio.io/latest/docs/ops/configuration/security/harden-docker-images/",
    severity="medium",
    remedy="Leave values.global.variant at distroless; to look into a proxy take `istioctl proxy-config`.",
    about=(RELEASE,),
)
def distroless(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    # The gateway's image is istiod's choice, base has none.
    if chart_of(resource) in ("istiod", "cni") and resource.at("values", "global", "variant") != "distroless":
        yield Flaw(field="values.global.variant", value=shown(resource.at("values", "global", "variant")))

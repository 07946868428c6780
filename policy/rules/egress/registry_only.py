"""MR501: A sidecar passes on only what is declared."""

from __future__ import annotations

from collections.abc import Iterator

from policy.mesh import RELEASE
from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack, chart_of


@rule(
    "MR501",
    "Egress",
    title="A sidecar passes on only what is declared.",
    why="With ALLOW_ANY every pod talks to every address of the internet, and data leaves by any of them.",
    source="https://istio.io/latest/docs/tasks/traffic-management/egress/egress-control/",
    severity="critical",
    remedy="outboundTrafficPolicy REGISTRY_ONLY; an application declares its hosts as `egress`.",
    about=(RELEASE, "Sidecar"),
)
def registry_only(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if resource.kind == "Sidecar":
        path: tuple[str, ...] = ("spec", "outboundTrafficPolicy", "mode")
        unsaid = resource.at("spec", "outboundTrafficPolicy") is None  # the mesh's own holds then
    else:
        path, unsaid = ("values", "meshConfig", "outboundTrafficPolicy", "mode"), chart_of(resource) != "istiod"
    if not unsaid and resource.at(*path) != "REGISTRY_ONLY":
        yield Flaw(field=".".join(path), value=shown(resource.at(*path)))

"""MR504: A Sidecar names the hosts that its pods may call."""

from __future__ import annotations

from collections.abc import Iterator

from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack


@rule(
    "MR504",
    "Egress",
    title="A Sidecar names the hosts that its pods may call.",
    why="With a wildcard each proxy knows, and passes on to, every service of the namespaces it covers.",
    source="https://istio.io/latest/docs/reference/config/networking/sidecar/#IstioEgressListener",
    severity="high",
    remedy="Name each host as namespace/host; manifests/sidecars.py derives them from callers and egress.",
    about=("Sidecar",),
)
def narrow_sidecars(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if not resource.at("spec", "egress"):
        yield Flaw(field="spec.egress", says="every service of the mesh")
    for number, one in enumerate(resource.at("spec", "egress") or ()):
        for host in one.get("hosts") or ():
            if "*" in str(host):
                yield Flaw(field=f"spec.egress[{number}].hosts", value=str(host))

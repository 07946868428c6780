"""MR303: Sidecars call in plaintext only whom the settings name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from manifests.names import COLLECTOR_HOST, KUBE_SYSTEM, service_host
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack

_ALWAYS = (service_host("kubernetes", "default"), f"*.{KUBE_SYSTEM}.svc.cluster.local", COLLECTOR_HOST)


@rule(
    "MR303",
    "Encryption",
    title="Sidecars call in plaintext only whom the settings name.",
    why="A rule with DISABLE sends requests readable on the wire to whoever has the address; one with SIMPLE for a "
    "service of the mesh shows no identity; an external certificate that nobody checks is anybody's.",
    source="docs/traps.md (5); https://istio.io/latest/docs/reference/config/networking/destination-rule/",
    severity="critical",
    remedy="Name the service and its reason in mesh.plaintextServices, or its namespace as outside.",
    about=("DestinationRule",),
)
def plaintext_calls(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    host = str(resource.at("spec", "host"))
    internal = host.endswith(".local")
    for path, tls in _tls(resource.at("spec") or {}):
        mode = tls.get("mode")
        if mode == "DISABLE" and not _named(host, stack):
            yield Flaw(field=f"{path}.mode", value="DISABLE", says=f"for {host}")
        if mode in ("SIMPLE", "MUTUAL") and internal:
            yield Flaw(field=f"{path}.mode", value=str(mode), says=f"{host} is of the mesh")
        if mode == "SIMPLE" and not internal and not (tls.get("caCertificates") and tls.get("subjectAltNames")):
            yield Flaw(field=f"{path}.subjectAltNames", says=f"whose certificate {host} shows is not checked")
        if tls.get("insecureSkipVerify"):
            yield Flaw(field=f"{path}.insecureSkipVerify", value="true", says=f"for {host}")


def _named(host: str, stack: Stack) -> bool:
    if host in _ALWAYS:
        return True
    settings = stack.settings
    outside = [one.name for one in settings.namespaces if not one.in_mesh]
    return host in {one.host for one in settings.mesh.plaintext_services} or any(
        host.endswith(f".{name}.svc.cluster.local") for name in outside
    )


def _tls(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    policies = [("spec.trafficPolicy", spec.get("trafficPolicy") or {})]
    for position, subset in enumerate(spec.get("subsets") or ()):
        policies.append((f"spec.subsets[{position}].trafficPolicy", subset.get("trafficPolicy") or {}))
    for path, policy in policies:
        yield f"{path}.tls", policy.get("tls") or {}
        for position, settings in enumerate(policy.get("portLevelSettings") or ()):
            yield f"{path}.portLevelSettings[{position}].tls", settings.get("tls") or {}

"""MR302: The root namespace says how the mesh takes mutual TLS, and that it sends nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.names import ISTIO_SYSTEM
from policy.mesh import RELEASE, inside
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack, chart_of


@rule(
    "MR302",
    "Encryption",
    title="The root namespace says how the mesh takes mutual TLS, and that it sends nothing else.",
    why="Without the PeerAuthentication every namespace is permissive; without the rule for `*.local` a pod that has "
    "no sidecar is called in plaintext, silently.",
    source="docs/traps.md (5), the row of a pod without a sidecar; "
    "https://istio.io/latest/docs/tasks/security/authentication/authn-policy/",
    severity="critical",
    remedy="Leave PeerAuthentication default and DestinationRule mesh-mutual-tls in istio-system.",
    about=(RELEASE,),
    alone=False,
)
def mesh_wide_mtls(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if chart_of(resource) != "istiod":
        return
    policies = inside(stack, "PeerAuthentication", ISTIO_SYSTEM)
    if not any(one.at("spec", "mtls", "mode") and not one.at("spec", "selector") for one in policies):
        yield Flaw(field="PeerAuthentication istio-system", says="none without a selector says a mode")
    rules = inside(stack, "DestinationRule", ISTIO_SYSTEM)
    modes = [one.at("spec", "trafficPolicy", "tls", "mode") for one in rules if one.at("spec", "host") == "*.local"]
    if modes != ["ISTIO_MUTUAL"]:
        yield Flaw(field="DestinationRule istio-system, host *.local", value=", ".join(map(str, modes)) or "(none)")

"""MR301: No PeerAuthentication takes more plaintext than the settings say."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.mesh_policies import mesh_mode, namespace_mode
from manifests.names import ISTIO_SYSTEM
from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack


@rule(
    "MR301",
    "Encryption",
    title="No PeerAuthentication takes more plaintext than the settings say.",
    why="A pod then answers whoever is on its network, without an identity, and every rule by principal is void.",
    source="https://istio.io/latest/docs/reference/config/security/peer_authentication/",
    severity="critical",
    remedy="Let the phases of the namespaces decide; DISABLE is for none of them.",
    about=("PeerAuthentication",),
)
def peer_authentication(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    modes = {"spec.mtls.mode": resource.at("spec", "mtls", "mode")}
    for port, mtls in (resource.at("spec", "portLevelMtls") or {}).items():
        modes[f"spec.portLevelMtls[{port}].mode"] = (mtls or {}).get("mode")
    least = _least(resource.namespace, stack)
    for field, mode in modes.items():
        # Not set: what is around it, which is judged by itself.
        if mode in ("DISABLE", "PERMISSIVE") and (mode == "DISABLE" or least == "STRICT"):
            yield Flaw(field=field, value=shown(mode), says=f"the settings say {least}")


def _least(namespace: str, stack: Stack) -> str:
    settings = stack.settings
    if namespace == ISTIO_SYSTEM:
        return mesh_mode(settings.mesh, settings.namespaces)
    return next((namespace_mode(one) for one in settings.namespaces if one.name == namespace), "STRICT")

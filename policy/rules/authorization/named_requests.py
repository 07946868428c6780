"""MR403: Every ALLOW says to which port, and the gateway's for which hosts."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.names import ISTIO_INGRESS
from policy.mesh import is_declared_opening
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack


@rule(
    "MR403",
    "Authorization",
    title="Every ALLOW says to which port, and the gateway's for which hosts.",
    why="A rule without operations allows every port of the pod, its metrics and its admin page too; one of the "
    "gateway's without hosts opens what somebody routes later.",
    source="https://istio.io/latest/docs/reference/config/security/authorization-policy/#Operation",
    severity="high",
    remedy="Ports in every operation; hosts, or `connection.sni` for TLS that is passed through, at the gateway.",
    about=("AuthorizationPolicy",),
)
def named_requests(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if resource.at("spec", "action") not in (None, "ALLOW"):
        return
    if is_declared_opening(resource, stack):
        return
    for number, one in enumerate(resource.at("spec", "rules") or ()):
        operations = [entry.get("operation") or {} for entry in one.get("to") or ()]
        if not operations:
            yield Flaw(field=f"spec.rules[{number}].to")
        by_name = any(when.get("key") == "connection.sni" for when in one.get("when") or ())
        for position, operation in enumerate(operations):
            path = f"spec.rules[{number}].to[{position}].operation"
            if not operation.get("ports"):
                yield Flaw(field=f"{path}.ports")
            hosts = operation.get("hosts") or ()
            if resource.namespace == ISTIO_INGRESS and not by_name and (not hosts or "*" in hosts):
                yield Flaw(field=f"{path}.hosts", value=", ".join(hosts) or "(not set)")

"""MR402: Every ALLOW names its callers, in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from manifests.names import ISTIO_INGRESS
from policy.mesh import is_declared_opening
from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack


@rule(
    "MR402",
    "Authorization",
    title="Every ALLOW names its callers, in full.",
    why="Without `from`, or with a wildcard, every identity of the mesh is a caller, or plaintext without any.",
    source="https://istio.io/latest/docs/reference/config/security/authorization-policy/#Source",
    severity="critical",
    remedy="Name the caller's application in `callers`; only the gateway, which an ALB calls, answers anyone.",
    about=("AuthorizationPolicy",),
)
def named_callers(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    # An ALB and an NLB have no identity: the gateway names hosts instead (MR403).
    if resource.at("spec", "action") not in (None, "ALLOW") or resource.namespace == ISTIO_INGRESS:
        return
    if is_declared_opening(resource, stack):
        return
    for number, one in enumerate(resource.at("spec", "rules") or ()):
        path = f"spec.rules[{number}].from"
        if not one.get("from"):
            yield Flaw(field=path, says="anybody")
        for position, entry in enumerate(one.get("from") or ()):
            yield from _source(entry.get("source") or {}, f"{path}[{position}].source", resource.namespace, stack)


def _source(source: Mapping[str, Any], path: str, namespace: str, stack: Stack) -> Iterator[Flaw]:
    principals = source.get("principals") or ()
    if any("*" in str(principal) for principal in principals):
        yield Flaw(field=f"{path}.principals", value=shown(principals))
    if any("*" in str(name) for name in source.get("namespaces") or ()):
        yield Flaw(field=f"{path}.namespaces", value=shown(source["namespaces"]))
    plaintext = list(source.get("notPrincipals") or ()) == ["*"] and _takes_plaintext(namespace, stack)
    if not principals and not source.get("serviceAccounts") and not plaintext:
        yield Flaw(field=f"{path}.principals", value="(not set)", says=f"only {', '.join(source) or 'nothing'}")


def _takes_plaintext(namespace: str, stack: Stack) -> bool:
    """Whether the settings have callers without an identity: of a namespace outside, or of one on its way."""
    return any(
        one.phase == "outside" or (one.name == namespace and one.phase == "permissive")
        for one in stack.settings.namespaces
    )

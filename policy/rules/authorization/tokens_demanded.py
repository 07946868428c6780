"""MR408: Where a token is checked, one is demanded."""

from __future__ import annotations

from collections.abc import Iterator

from policy.mesh import inside, shadowed, tried
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack


@rule(
    "MR408",
    "Authorization",
    title="Where a token is checked, one is demanded.",
    why="A RequestAuthentication refuses bad tokens only: a request without any passes.",
    source="https://istio.io/latest/docs/reference/config/security/request_authentication/",
    severity="critical",
    remedy="An AuthorizationPolicy for the same pods that denies whoever has no request principal.",
    about=("RequestAuthentication",),
    alone=False,
)
def tokens_demanded(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    selector = dict(resource.at("spec", "selector", "matchLabels") or {})
    for one in inside(stack, "AuthorizationPolicy", resource.namespace):
        if dict(one.at("spec", "selector", "matchLabels") or {}) != selector:
            continue
        if tried(one) and not shadowed(resource.namespace, stack):
            continue
        key = "notRequestPrincipals" if one.at("spec", "action") == "DENY" else "requestPrincipals"
        for entry in one.at("spec", "rules") or ():
            if any((source.get("source") or {}).get(key) for source in entry.get("from") or ()):
                return
    yield Flaw(field="AuthorizationPolicy", value="(none)", says=f"none asks {selector} for a request principal")

"""MR405: Every caller that is allowed exists."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.names import ISTIO_INGRESS
from policy.mesh import inside
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack


@rule(
    "MR405",
    "Authorization",
    title="Every caller that is allowed exists.",
    why="An identity that nobody has is taken by whoever makes a service account of that name; in another trust "
    "domain the rule matches nobody.",
    source="https://istio.io/latest/docs/reference/config/security/authorization-policy/#Source",
    severity="high",
    remedy="Let `callers` name the application: its principal follows from the settings.",
    about=("AuthorizationPolicy",),
    alone=False,
)
def callers_exist(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    for number, one in enumerate(resource.at("spec", "rules") or ()):
        for position, entry in enumerate(one.get("from") or ()):
            for principal in (entry.get("source") or {}).get("principals") or ():
                if "*" not in principal and (says := _missing(str(principal), stack)):
                    field = f"spec.rules[{number}].from[{position}].source.principals"
                    yield Flaw(field=field, value=str(principal), says=says)


def _missing(principal: str, stack: Stack) -> str:
    parts = principal.split("/")
    if len(parts) != 5 or parts[1] != "ns" or parts[3] != "sa":
        return "this is no SPIFFE identity of a service account"
    domain, namespace, account = parts[0], parts[2], parts[4]
    settings = stack.settings
    if domain != settings.mesh.trust_domain:
        return f"the mesh's trust domain is {settings.mesh.trust_domain}"
    accounts = stack.memo(
        ("accounts", namespace), lambda: {one.object_name for one in inside(stack, "ServiceAccount", namespace)}
    )
    if namespace == ISTIO_INGRESS or account in accounts:
        return ""
    for one in settings.namespaces:
        for application in one.applications if one.name == namespace else ():
            # Their pipelines make them: under the name that the settings promise, or accept.
            if application.workload == "external" or account in application.accepted_service_accounts:
                return ""
    return "nothing in this plan makes this service account"

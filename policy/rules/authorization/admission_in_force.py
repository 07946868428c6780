"""MR410: Every admission policy is bound, denies, and fails closed."""

from __future__ import annotations

from collections.abc import Iterator

from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack


@rule(
    "MR410",
    "Authorization",
    title="Every admission policy is bound, denies, and fails closed.",
    why="Without a binding it is asked about nothing; with Warn or Audit alone a tenant's pod leaves the mesh with a "
    "note in a log.",
    source="https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/",
    severity="high",
    remedy="A binding with Deny; where a namespace is to be warned only, its settings say admission: warn.",
    about=("ValidatingAdmissionPolicy",),
    alone=False,
)
def admission_in_force(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if resource.at("spec", "failurePolicy") not in (None, "Fail"):
        yield Flaw(field="spec.failurePolicy", value=shown(resource.at("spec", "failurePolicy")))
    bindings = [
        one
        for one in stack.of("ValidatingAdmissionPolicyBinding")
        if one.at("spec", "policyName") == resource.object_name
    ]
    if not bindings:
        yield Flaw(field="ValidatingAdmissionPolicyBinding", value="(none)")
    lenient = any(one.admission != "enforce" for one in stack.settings.namespaces)
    for one in bindings:
        actions = one.at("spec", "validationActions") or ()
        if "Deny" not in actions and not lenient:
            yield Flaw(field=f"{one}: spec.validationActions", value=shown(actions))

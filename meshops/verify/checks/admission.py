"""Configuration: what the API server refuses, and to whom."""

from __future__ import annotations

from collections.abc import Callable

from manifests.document import Document
from meshops.checks.model import Verdict
from meshops.verify.attempt import Family
from meshops.verify.check import Layer, check
from meshops.verify.comparison import difference, live, name_of
from meshops.verify.facts import Objects
from meshops.verify.subject import Subject
from meshops.verify.tally import Tally

_LAYER: Layer = "Configuration"
_POLICIES = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
_ROLES = ("ClusterRole", "ClusterRoleBinding", "RoleBinding")
# Beyond Kubernetes' own names: whoever has one of them in a namespace has more than a tenant.
_WIDER = ("cluster-admin", "admin", "edit")
_HOW = (
    "Requests to the API server in the name of a user who may do everything in one namespace of the mesh, and of a "
    "tenant; dry runs, and streams that are not opened. The same requests as they should be must be admitted."
)
_REMEDY = "`pulumi up` sets the policies again; see MV620 for what stands in their place."


@check(
    "MV620",
    _LAYER,
    name="Admission policies and roles",
    shows="The policies that keep pods in the mesh, and the roles of its people, stand as the program makes them.",
    how="Each is compared with the document that the settings give; other bindings in the mesh's namespaces are noted.",
    severity="critical",
    remedy="`pulumi up` sets them again; see the audit log for who changed them.",
)
def admission_documents(subject: Subject) -> Verdict:
    tally = Tally()
    for item in subject.stack.of_kind(*_POLICIES):
        _found(tally, item, difference(item, live(item, subject.objects)))
    for item in subject.stack.of_kind(*_ROLES):
        _found(tally, item, _role_differs(item, subject.objects))
    in_mesh = {namespace.name for namespace in subject.stack.namespaces if namespace.in_mesh}
    for binding in subject.objects.of_kind("RoleBinding"):
        if binding.namespace in in_mesh and binding.at("roleRef", "name") in _WIDER:
            tally.note(f"not of the program: {binding} gives {binding.at('roleRef', 'name')}")
    return tally.verdict("{count} as the program makes them.")


def _found(tally: Tally, item: Document, differs: str) -> None:
    if differs:
        tally.failed(f"{name_of(item)}: {differs}")
    else:
        tally.passed(name_of(item))


def _role_differs(item: Document, objects: Objects) -> str:
    found = live(item, objects)
    if found is None:
        return "it does not exist"
    fields = [key for key in item if key not in ("apiVersion", "kind", "metadata")]
    return next((f"its {key} are others" for key in fields if found.content.get(key) != item[key]), "")


def _attempts(family: Family, holds: str) -> Callable[[Subject], Verdict]:
    def judge(subject: Subject) -> Verdict:
        tally = Tally()
        for answer in subject.attempts:
            if answer.attempt.family not in (family, "legitimate"):
                continue
            if answer.as_it_must:
                tally.passed(str(answer))
            elif answer.outcome == "unclear":
                tally.unknown(f"{answer}: {answer.said}")
            else:
                tally.failed(f"{answer}{f': {answer.said}' if answer.outcome == 'refused' else ''}")
        nothing = "No application of the program's in a namespace where the policies refuse."
        return tally.verdict(holds, nothing=nothing)

    return judge


leaving_the_mesh = check(
    "MV621",
    _LAYER,
    name="Nobody takes a pod out of the mesh",
    shows="Labels, annotations, users, forged sidecars and the node's own means by which a pod would pass its sidecar "
    "by are refused, in pods and in every kind that makes pods.",
    how=_HOW,
    severity="critical",
    remedy=_REMEDY,
    needs=("attempts",),
)(_attempts("in the mesh", "{count} as they must be: none takes a pod out of the mesh."))

taking_an_identity = check(
    "MV622",
    _LAYER,
    name="Nobody takes an application's place",
    shows="No other pod, Service, token or certificate passes for a declared application.",
    how=_HOW,
    severity="critical",
    remedy=_REMEDY,
    needs=("attempts",),
)(_attempts("identity", "{count} as they must be: none takes an application's place."))

moving_a_wall = check(
    "MV623",
    _LAYER,
    name="Nobody moves a wall",
    shows="NetworkPolicies, ways in and Istio's kinds are the program's; a tenant's role does not even have them.",
    how=_HOW,
    severity="critical",
    remedy=_REMEDY,
    needs=("attempts",),
)(_attempts("walls", "{count} as they must be: none moves a wall."))

reaching_into_a_pod = check(
    "MV624",
    _LAYER,
    name="Nobody reaches into a pod past its sidecar",
    shows="exec, attach, port-forward, the API server's proxy and debugging containers are refused.",
    how=_HOW,
    severity="high",
    remedy=_REMEDY,
    needs=("attempts",),
)(_attempts("into pods", "{count} as they must be: none reaches into a pod."))

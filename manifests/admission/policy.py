"""A policy and the documents that put it in force."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from configuration.admission import Enforcement
from manifests.admission.cel import Variable
from manifests.document import Document, document

Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]
_API = "admissionregistration.k8s.io/v1"

# Refused or not, the API server's audit log says so.
_ACTIONS: dict[Enforcement, tuple[str, ...]] = {"enforce": ("Deny", "Audit"), "warn": ("Warn", "Audit")}


@dataclass(frozen=True, kw_only=True)
class Resources:
    """group: `""` for Kubernetes' core. names: plurals, `pods/exec` for a part of one, `*` for all."""

    group: str
    names: tuple[str, ...]
    operations: tuple[Operation, ...]
    versions: tuple[str, ...] = ("*",)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """expression: what must hold, in CEL. message: what a person is told who broke it, with the way out."""

    expression: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Policy:
    """variables: each may use those before it; none costs anything until a rule asks for it."""

    name: str
    resources: tuple[Resources, ...]
    variables: tuple[Variable, ...]
    rules: tuple[Rule, ...]

    def document(self) -> Document:
        return document(
            _API,
            "ValidatingAdmissionPolicy",
            self.name,
            labels={"app.kubernetes.io/managed-by": "pulumi"},
            spec={
                # A rule that cannot be judged refuses.
                "failurePolicy": "Fail",
                "matchConstraints": {
                    # Also what is written in another version of its API.
                    "matchPolicy": "Equivalent",
                    "resourceRules": [
                        {
                            "apiGroups": [entry.group],
                            "apiVersions": list(entry.versions),
                            "operations": list(entry.operations),
                            "resources": list(entry.names),
                            # What the API server would fill in: what stands there can be compared whole.
                            "scope": "*",
                        }
                        for entry in self.resources
                    ],
                },
                "variables": [{"name": name, "expression": expression} for name, expression in self.variables],
                "validations": [
                    {"expression": rule.expression, "message": rule.message, "reason": "Forbidden"}
                    for rule in self.rules
                ],
            },
        )


def bindings(policy: Policy, namespaces: Iterable[tuple[str, Enforcement]] | None) -> tuple[Document, ...]:
    """Where a policy holds: in these namespaces, or everywhere if None; by name, which no label can take away."""
    if namespaces is None:
        return (_binding(policy, "enforce", {}),)
    places = tuple(namespaces)
    found: list[Document] = []
    enforcement: Enforcement
    for enforcement in ("enforce", "warn"):
        names = [name for name, wanted in places if wanted == enforcement]
        if names:
            # Kubernetes sets this label itself.
            expression = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": names}
            selector = {"matchExpressions": [expression]}
            matched = {"matchResources": {"matchPolicy": "Equivalent", "namespaceSelector": selector}}
            found.append(_binding(policy, enforcement, matched))
    return tuple(found)


def _binding(policy: Policy, enforcement: Enforcement, matched: dict[str, Any]) -> Document:
    return document(
        _API,
        "ValidatingAdmissionPolicyBinding",
        policy.name if enforcement == "enforce" else f"{policy.name}-{enforcement}",
        labels={"app.kubernetes.io/managed-by": "pulumi"},
        spec={"policyName": policy.name, "validationActions": list(_ACTIONS[enforcement]), **matched},
    )

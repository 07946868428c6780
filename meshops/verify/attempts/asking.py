"""Asks the API server, as somebody else, for what an attempt says; and what its words mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from manifests.admission.roles import TENANTS_GROUP, group_of
from manifests.document import Document, document
from meshops.api_proxy import ApiProxy
from meshops.tools import ToolError, Tools
from meshops.verify.attempt import Answer, As, Attempt
from meshops.verify.facts import MANAGED_BY, RUN_LABEL

_CONTROLLER = "system:serviceaccount:kube-system:replicaset-controller"
_AUTHENTICATED = ("Impersonate-Group", "system:authenticated")

_POLICY = re.compile(r"ValidatingAdmissionPolicy '([^']+)' with binding")
# In the order in which the API server asks them.
_WALLS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("RBAC", re.compile(r"cannot \w+ resource")),
    ("PodSecurity", re.compile(r"violates PodSecurity")),
    ("istiod", re.compile(r'admission webhook "[^"]*istio\.io" denied')),
)
# A stream that was admitted, but not asked for as one.
# What the API server says once it has let somebody through: the pod, or a NetworkPolicy before it, had another answer.
_ADMITTED = re.compile(r"[Uu]pgrade (request )?required|unable to upgrade|error trying to reach service")
_BINDINGS = "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings"


@dataclass(frozen=True, kw_only=True)
class Asking:
    """A binding of one namespace for a user of this run's own, whom nobody can log in as; gone afterwards."""

    tools: Tools
    namespace: str
    run: str

    @property
    def user(self) -> str:
        return f"meshops-verify-{self.run}"

    def binding(self) -> Document:
        return document(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            self.user,
            namespace=self.namespace,
            labels={"app.kubernetes.io/managed-by": MANAGED_BY, RUN_LABEL: self.run},
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            subjects=[{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": self.user}],
        )

    def ask(self, attempts: Sequence[Attempt]) -> tuple[Answer, ...]:
        """Raises ToolError if there is no API server, or the binding cannot be made."""
        bindings = _BINDINGS.format(namespace=self.namespace)
        with ApiProxy(self.tools) as api:
            made = api.ask("POST", bindings, body=self.binding())
            if made.status >= 300:
                raise ToolError(made.message)
            try:
                api.await_access(self.namespace, self._impersonation("namespace-admin"))
                return tuple(self._one(api, attempt) for attempt in attempts)
            finally:
                api.ask("DELETE", f"{bindings}/{self.user}")

    def _one(self, api: ApiProxy, attempt: Attempt) -> Answer:
        reply = api.ask(
            attempt.method,
            attempt.path,
            body=attempt.body,
            content_type=attempt.content_type,
            headers=self._impersonation(attempt.as_),
        )
        return judged(attempt, reply.status, reply.message)

    def _impersonation(self, as_: As) -> tuple[tuple[str, str], ...]:
        if as_ == "controller":
            groups = ("system:serviceaccounts", "system:serviceaccounts:kube-system")
            own = tuple(("Impersonate-Group", group) for group in groups)
            return (("Impersonate-User", _CONTROLLER), *own, _AUTHENTICATED)
        if as_ == "tenant":
            group = group_of(TENANTS_GROUP, self.namespace)
            return (("Impersonate-User", f"tenant-{self.run}"), ("Impersonate-Group", group), _AUTHENTICATED)
        return (("Impersonate-User", self.user), _AUTHENTICATED)


def judged(attempt: Attempt, status: int, said: str) -> Answer:
    """What the API server's answer says about an attempt."""
    if status < 300:
        return Answer(attempt=attempt, outcome="admitted")
    found = _POLICY.search(said)
    if found:
        return Answer(attempt=attempt, outcome="refused", wall=found[1], said=said)
    for wall, pattern in _WALLS:
        if pattern.search(said):
            return Answer(attempt=attempt, outcome="refused", wall=wall, said=said)
    if _ADMITTED.search(said):
        return Answer(attempt=attempt, outcome="admitted", said=said)
    return Answer(attempt=attempt, outcome="unclear", said=f"HTTP {status}: {said}")

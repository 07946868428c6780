"""Asks the API server, as somebody else, for what an attempt says; and what its words mean."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from manifests.admission.roles import TENANTS_GROUP, group_of
from manifests.document import Document, document
from meshops.tools import ToolError, Tools
from meshops.verify.attempts.attempt import Answer, As, Attempt
from meshops.verify.facts import MANAGED_BY, RUN_LABEL

_CONTROLLER = "system:serviceaccount:kube-system:replicaset-controller"
_AUTHENTICATED = "--as-group=system:authenticated"

_POLICY = re.compile(r"ValidatingAdmissionPolicy '([^']+)' with binding")
# In the order in which the API server asks them.
_WALLS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("RBAC", re.compile(r"cannot \w+ resource")),
    ("PodSecurity", re.compile(r"violates PodSecurity")),
    ("istiod", re.compile(r'admission webhook "[^"]*istio\.io" denied')),
)
# A stream that was admitted, but not asked for as one.
_ADMITTED = re.compile(r"[Uu]pgrade (request )?required|unable to upgrade")


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
        """Raises ToolError if the binding cannot be made."""
        self.tools.ask_kubectl("create", "--filename=-", stdin=json.dumps(self.binding()))
        try:
            with ThreadPoolExecutor(max_workers=4) as pool:
                return tuple(pool.map(self._one, attempts))
        finally:
            self.tools.ask_kubectl("delete", "rolebinding", self.user, f"--namespace={self.namespace}")

    def _one(self, attempt: Attempt) -> Answer:
        stdin = None if attempt.document is None else json.dumps(attempt.document)
        where = (f"--namespace={self.namespace}",)
        try:
            said = self.tools.ask_kubectl(*attempt.arguments, *where, *self._impersonation(attempt.as_), stdin=stdin)
        except ToolError as problem:
            return judged(attempt, str(problem))
        # The answer to a raw request may be a token.
        raw = any(argument.startswith("--raw") for argument in attempt.arguments)
        return Answer(attempt=attempt, outcome="admitted", said="" if raw else said.strip()[:200])

    def _impersonation(self, as_: As) -> tuple[str, ...]:
        if as_ == "controller":
            groups = ("system:serviceaccounts", "system:serviceaccounts:kube-system")
            return (f"--as={_CONTROLLER}", *(f"--as-group={group}" for group in groups), _AUTHENTICATED)
        if as_ == "tenant":
            group = group_of(TENANTS_GROUP, self.namespace)
            return (f"--as=tenant-{self.run}", f"--as-group={group}", _AUTHENTICATED)
        return (f"--as={self.user}", _AUTHENTICATED)


def judged(attempt: Attempt, words: str) -> Answer:
    """What an error of kubectl's says about an attempt."""
    found = _POLICY.search(words)
    if found:
        return Answer(attempt=attempt, outcome="refused", wall=found[1], said=words)
    for wall, pattern in _WALLS:
        if pattern.search(words):
            return Answer(attempt=attempt, outcome="refused", wall=wall, said=words)
    if _ADMITTED.search(words):
        return Answer(attempt=attempt, outcome="admitted", said=words)
    return Answer(attempt=attempt, outcome="unclear", said=words)

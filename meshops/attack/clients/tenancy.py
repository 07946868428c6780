"""The tenant: who is impersonated, and what the API server answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from manifests.document import Document, document
from meshops.api_proxy import ApiProxy
from meshops.attack.clients.api import created
from meshops.attack.model import Answer, Ask
from meshops.progress import Progress
from meshops.tools import ToolError, Tools
from meshops.verify.probes.pods import run_labels

GROUP = "mesh-tenants"
"""Whom the program binds to its tenant's role in each namespace, where it has one; as in `mesh-tenants:shop`."""
_WORKERS = 4
_SERVICE_ACCOUNT = "system:serviceaccount:"


class Tenancy:
    """A context manager: a binding that it had to make is gone in the end."""

    def __init__(self, tools: Tools, run: str, namespace: str, *, writes: bool, progress: Progress) -> None:
        self._tools = tools
        self._run = run
        self._namespace = namespace
        self._writes = writes
        self._progress = progress
        self._binding = ""
        self.groups: tuple[str, ...] = ()
        self.missing = ""

    def __enter__(self) -> Tenancy:
        try:
            self._become()
        except ToolError as problem:
            self.missing = f"no tenant could be found: {problem}"
        return self

    def __exit__(self, *problem: object) -> None:
        if self._binding:
            self._tools.ask_kubectl("delete", "rolebinding", self._binding, f"--namespace={self._namespace}",
                                    "--ignore-not-found", "--wait=false")  # fmt: skip

    def _become(self) -> None:
        """A member of the group that the program has bound; where it has bound none, one with `edit`."""
        text = self._tools.ask_kubectl("get", "rolebindings", f"--namespace={self._namespace}", "--output=json")
        own = f"{GROUP}:{self._namespace}"
        bound = {subject["name"] for item in json.loads(text)["items"] for subject in item.get("subjects") or ()}
        if own in bound or GROUP in bound:
            self.groups = (own if own in bound else GROUP,)
            return
        if not self._writes:
            self.missing = (
                f"no role of this cluster is bound to {own}, and without --writes none is bound for the attempt"
            )
            return
        self._binding = f"meshops-attack-{self._run}"
        self.groups = (f"meshops-attack:{self._run}",)
        item = _binding(self._binding, self._namespace, self.groups[0], self._run)
        self._tools.ask_kubectl("create", "--filename=-", stdin=json.dumps(item))

    def answers(self, asks: Mapping[str, Ask]) -> dict[str, Answer]:
        """Id -> what the API server said."""
        if self.missing:
            return {id: Answer(unavailable=self.missing) for id in asks}
        found: dict[str, Answer] = {}
        try:
            with ApiProxy(self._tools) as api, ThreadPoolExecutor(max_workers=_WORKERS) as pool:
                if self._binding:
                    api.await_access(self._namespace, _impersonation("meshops-attack", self.groups))
                for id, answer in zip(asks, pool.map(lambda ask: self._answer(api, ask), asks.values()), strict=True):
                    found[id] = answer
                    self._progress.update(f"asking as a tenant: {len(found)} of {len(asks)}")
        except ToolError as problem:
            found |= {id: Answer(unavailable=str(problem)) for id in asks if id not in found}
        return found

    def _answer(self, api: ApiProxy, ask: Ask) -> Answer:
        # Kubernetes knows a service account's groups itself.
        groups = () if ask.user.startswith(_SERVICE_ACCOUNT) else (*self.groups, "system:authenticated")
        if ask.document is not None:
            answer = created(api, ask.document, _impersonation(ask.user, groups))
        else:
            answer = self._by_kubectl(ask, groups)
        return self._answer(api, ask.then) if ask.then is not None and answer.ended == "ok" else answer

    def _by_kubectl(self, ask: Ask, groups: Sequence[str]) -> Answer:
        impersonated = [f"--as={ask.user}", *(f"--as-group={group}" for group in groups)]
        # `no` is an answer too, and exit code 1.
        accept = (0, 1) if ask.arguments[:2] == ("auth", "can-i") else (0,)
        # Options first: what follows `--` is a command in a pod.
        try:
            said = self._tools.ask_kubectl(
                *impersonated, *ask.arguments, stdin=ask.stdin or None, seconds=40, accept=accept
            )
        except ToolError as problem:
            return Answer(ended="refused", error=str(problem))
        return Answer(ended="ok", received=said[:400].encode())


def _impersonation(user: str, groups: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return (("Impersonate-User", user), *(("Impersonate-Group", group) for group in groups))


def _binding(name: str, namespace: str, group: str, run: str) -> Document:
    role = "rbac.authorization.k8s.io"
    return document(
        f"{role}/v1", "RoleBinding", name, namespace=namespace, labels=run_labels(run),
        roleRef={"apiGroup": role, "kind": "ClusterRole", "name": "edit"},
        subjects=[{"apiGroup": role, "kind": "Group", "name": group}],
    )  # fmt: skip

"""The requests of the attempts: nothing of them is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from manifests.document import Document
from meshops.verify.attempt import As, Attempt

DRY_RUN = "dryRun=All"
_API_VERSIONS = {
    "AuthorizationPolicy": "security.istio.io/v1",
    "Deployment": "apps/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
}


@dataclass(frozen=True, kw_only=True)
class Requests:
    """Of one namespace."""

    namespace: str

    def create(
        self, id: str, title: str, what: Document, *, as_: As = "namespace-admin", legitimate: bool = False
    ) -> Attempt:
        path = f"{self.path(what['apiVersion'], what['kind'])}?{DRY_RUN}"
        return Attempt(id=id, title=title, method="POST", path=path, body=what, as_=as_, legitimate=legitimate)

    def patch(self, id: str, title: str, kind: str, name: str, patch: dict[str, Any], part: str = "") -> Attempt:
        api_version = _API_VERSIONS.get(kind, "v1")
        where = "/api/v1/namespaces" if kind == "Namespace" else self.path(api_version, kind)
        sort = "strategic-merge" if kind in ("Pod", "Deployment") else "merge"
        return Attempt(
            id=id,
            title=title,
            method="PATCH",
            path=f"{where}/{name}{part}?{DRY_RUN}",
            body=patch,
            content_type=f"application/{sort}-patch+json",
        )

    def delete(self, id: str, title: str, kind: str, name: str) -> Attempt:
        path = f"{self.path(_API_VERSIONS[kind], kind)}/{name}?{DRY_RUN}"
        return Attempt(id=id, title=title, method="DELETE", path=path)

    def path(self, api_version: str, kind: str) -> str:
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        return f"{root}/namespaces/{self.namespace}/{_plural(kind)}"


def _plural(kind: str) -> str:
    """As the API server has it: NetworkPolicy -> networkpolicies."""
    name = kind.lower()
    if name.endswith("y") and name != "gateway":
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith("s") else f"{name}s"

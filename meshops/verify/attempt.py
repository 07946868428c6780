"""An attempt: who asks the API server for what, and what came of it. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

As = Literal["namespace-admin", "tenant", "controller"]
"""Who asks. namespace-admin: may do everything in the namespace, by a RoleBinding to `cluster-admin`, and is no
deployer; tenant: is in the group of the namespace's tenants; controller: makes pods of a ReplicaSet."""

Family = Literal["legitimate", "in the mesh", "identity", "walls", "into pods"]
Outcome = Literal["refused", "admitted", "unclear"]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One request.

    id: stable. title: what it tries, for a person. legitimate: it must be admitted.
    method, path, body: of HTTP; a body that is a patch says of which sort in content_type.
    """

    id: str
    title: str
    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    body: Mapping[str, Any] | None = None
    content_type: str = "application/json"
    as_: As = "namespace-admin"
    legitimate: bool = False
    family: Family = "legitimate"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """wall: what refused it, e.g. `mesh-pods`, `PodSecurity` or `RBAC`; said: the API server's words of refusal."""

    attempt: Attempt
    outcome: Outcome
    wall: str = ""
    said: str = ""

    @property
    def as_it_must(self) -> bool:
        return self.outcome == ("admitted" if self.attempt.legitimate else "refused")

    def __str__(self) -> str:
        by = f" by {self.wall}" if self.wall else ""
        return f"{self.attempt.id} ({self.attempt.title}): {self.outcome}{by}"

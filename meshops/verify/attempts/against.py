"""Whom the attempts of one namespace are made against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from manifests.images import Images
from manifests.mesh_graph import Member
from meshops.verify.attempts.documents import pod_template
from meshops.verify.attempts.requests import Requests


@dataclass(frozen=True, kw_only=True)
class Against:
    """member: an application that the program deploys. pod: a running pod of it; empty for none."""

    member: Member
    images: Images
    pod: str = ""

    @property
    def namespace(self) -> str:
        return self.member.namespace.name

    @property
    def ask(self) -> Requests:
        return Requests(namespace=self.namespace)

    @property
    def template(self) -> dict[str, Any]:
        return pod_template(self.images)

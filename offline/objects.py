"""The Kubernetes objects among a program's registrations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from offline.registration import Registration
from offline.values import revealed

CLUSTER_SCOPED = "_cluster"
"""Where objects without a namespace are filed."""


@dataclass(frozen=True, kw_only=True)
class KubernetesObject:
    """One object as the API server would get it.

    content: the whole document; a secret value in it is `Secret`
    patch:   it changes a few fields of an object that somebody else made (`NamespacePatch`)
    """

    urn: str
    api_version: str
    kind: str
    namespace: str | None
    name: str
    content: Mapping[str, Any]
    patch: bool = False

    @property
    def group_kind(self) -> str:
        """`authorizationpolicies`' sort of name: `AuthorizationPolicy.security.istio.io`, or `Service`."""
        group = self.api_version.rpartition("/")[0]
        return f"{self.kind}.{group}" if group else self.kind

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {where}"

    def at(self, *path: str) -> Any:
        """The value at a path of keys, secrets revealed; None if there is none."""
        value: Any = self.content
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return revealed(value)


def kubernetes_objects(registrations: Iterable[Registration]) -> tuple[KubernetesObject, ...]:
    """Every Kubernetes object that is submitted, in registration order. Helm releases are none: see `releases`."""
    return tuple(
        _object(registration)
        for registration in registrations
        if registration.type.startswith("kubernetes:") and "apiVersion" in registration.inputs
    )


def releases(registrations: Iterable[Registration]) -> tuple[Registration, ...]:
    """The Helm releases, in registration order."""
    return tuple(registration for registration in registrations if registration.type.startswith("kubernetes:helm.sh/"))


def _object(registration: Registration) -> KubernetesObject:
    content = registration.inputs
    metadata = content.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    return KubernetesObject(
        urn=registration.urn,
        api_version=str(content["apiVersion"]),
        kind=str(content.get("kind", registration.type.rpartition(":")[2])),
        namespace=metadata.get("namespace"),
        name=str(metadata.get("name", "")),
        content=content,
        patch=registration.type.endswith("Patch") and not str(content.get("kind", "")).endswith("Patch"),
    )

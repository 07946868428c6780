"""One resource of a plan as the rules see it, whoever recorded it: the mock runtime or the real engine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from offline.registration import Registration
from offline.values import Secret, Unknown
from policy.unknowns import UnknownValue, guarded


@dataclass(frozen=True, kw_only=True, eq=False)
class Resource:
    """inputs: plain Python, with `Secret` and `UNKNOWN` in it. depends_on: URNs, its provider's too.

    read: it is somebody else's, and only looked at. custom_timeouts: seconds by operation.
    deleted_with, retain_on_delete: `UNKNOWN` where nobody told: CrossGuard's protocol has no field for them.
    """

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    depends_on: tuple[str, ...] = ()
    read: bool = False
    custom_timeouts: Mapping[str, float] = field(default_factory=dict)
    deleted_with_or_unknown: str | Unknown = ""
    retain_on_delete_or_unknown: bool | Unknown = False

    @cached_property
    def _inputs(self) -> Any:
        return guarded(self.inputs)

    @cached_property
    def kind(self) -> str:
        """Of a Kubernetes object, or empty: of a patched Namespace `Namespace`."""
        if self.type.startswith("kubernetes:") and "apiVersion" in self.inputs:
            return str(self.inputs.get("kind") or self.type.rpartition(":")[2])
        return ""

    @cached_property
    def group(self) -> str:
        """The API group of a Kubernetes object, e.g. `networking.istio.io`; empty for Kubernetes' first one."""
        return str(self.inputs.get("apiVersion", "")).rpartition("/")[0]

    @cached_property
    def namespace(self) -> str:
        return str(self.at("metadata", "namespace") or "")

    @cached_property
    def object_name(self) -> str:
        return str(self.at("metadata", "name") or "")

    @property
    def release_name(self) -> str:
        """Of a Helm release."""
        return str(self.at("name") or self.name)

    @property
    def deleted_with(self) -> str:
        return _told(self.deleted_with_or_unknown, "(option deletedWith)")

    @property
    def retain_on_delete(self) -> bool:
        return _told(self.retain_on_delete_or_unknown, "(option retainOnDelete)")

    @property
    def key(self) -> str:
        """Its URN without stack and project."""
        return self.urn.split("::", 2)[2] if self.urn.count("::") >= 2 else self.urn

    def at(self, *path: str) -> Any:
        """The value at a path of keys; None if there is none. Raises `UnknownValue` if it is not known yet."""
        value: Any = self._inputs
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
            if isinstance(value, Secret):
                value = value.value
        return value

    def json_at(self, *path: str) -> Any:
        """The same for a document that is a text: an IAM policy, or a property of a provider."""
        value = self.at(*path)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return None

    @property
    def labels(self) -> Mapping[str, Any]:
        return self.at("metadata", "labels") or {}

    @property
    def annotations(self) -> Mapping[str, Any]:
        return self.at("metadata", "annotations") or {}

    @property
    def pod(self) -> Mapping[str, Any]:
        """The pod's spec in a workload of any kind; empty if there is none."""
        return self.at(*self._template, "spec") or {}

    @property
    def pod_metadata(self) -> Mapping[str, Any]:
        return self.at(*self._template, "metadata") or {}

    @property
    def pod_path(self) -> str:
        return ".".join((*self._template, "spec"))

    def containers(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each container with its path, init containers first."""
        for group in ("initContainers", "containers"):
            for position, container in enumerate(self.pod.get(group) or ()):
                yield f"{self.pod_path}.{group}[{position}]", container

    @property
    def _template(self) -> tuple[str, ...]:
        if self.kind == "Pod":
            return ()
        return ("spec", "jobTemplate", "spec", "template") if self.kind == "CronJob" else ("spec", "template")

    def __str__(self) -> str:
        if self.kind:
            return (
                f"{self.kind} {self.namespace}/{self.object_name}"
                if self.namespace
                else (f"{self.kind} {self.object_name}")
            )
        # pulumi-eks names the cluster in its component so: one name for both, since a suppression knows one.
        return f"{self.type.rpartition(':')[2]} {self.name.removesuffix('-eksCluster')}"


def _told(value: Any, where: str) -> Any:
    if isinstance(value, Unknown):
        raise UnknownValue(where)
    return value


def of_registration(registration: Registration) -> Resource:
    return Resource(
        urn=registration.urn,
        type=registration.type,
        name=registration.name,
        inputs=registration.inputs,
        read=bool(registration.read_id),
        depends_on=(*registration.depends_on, *filter(None, (provider_urn(registration.provider),))),
        custom_timeouts={name: seconds(text) for name, text in registration.custom_timeouts.items()},
        deleted_with_or_unknown=registration.deleted_with,
        retain_on_delete_or_unknown=registration.retain_on_delete,
    )


def provider_urn(reference: str) -> str:
    """`<URN>::<id>` -> the URN."""
    return reference.rpartition("::")[0]


def seconds(text: str) -> float:
    """`20m`, `1h30m` or `90s`, as Go writes a duration."""
    total, number = 0.0, ""
    for character in text:
        if character.isdigit() or character == ".":
            number += character
        else:
            total += float(number or 0) * {"h": 3600, "m": 60, "s": 1}.get(character, 0)
            number = ""
    return total

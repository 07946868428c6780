"""Names, labels and annotations, by the rules of the API server.

https://kubernetes.io/docs/concepts/overview/working-with-objects/names/, …/labels/#syntax-and-character-set
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from offline.objects import KubernetesObject
from validation import schemas
from validation.findings import Finding, field_path, shown

_LABEL_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_PATH_SEGMENT = re.compile(r"(?!\.\.?$)[^/%]+")
_QUALIFIED_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")

_DNS_LABEL = "a DNS label: at most 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit"
_DNS_SUBDOMAIN = (
    "a DNS subdomain: at most 253 of a-z, 0-9, '-' and '.', each part beginning and ending with one of them"
)
_RULES: dict[str, tuple[re.Pattern[str], str]] = {
    "Namespace": (_LABEL_NAME, _DNS_LABEL),
    "Service": (_SERVICE_NAME, f"{_DNS_LABEL}, beginning with a letter"),
    "Role": (_PATH_SEGMENT, "a path segment: no '/' and no '%'"),
    "RoleBinding": (_PATH_SEGMENT, "a path segment: no '/' and no '%'"),
    "ClusterRole": (_PATH_SEGMENT, "a path segment: no '/' and no '%'"),
    "ClusterRoleBinding": (_PATH_SEGMENT, "a path segment: no '/' and no '%'"),
}
_ANNOTATION_BYTES = 256 * 1024


def check(item: KubernetesObject) -> Iterator[Finding]:
    """Wrong or missing names, and labels and annotations that would be refused, in the object and its pod template."""
    yield from _name(item)
    yield from _namespace(item)
    for path in (("metadata",), ("spec", "template", "metadata")):
        metadata = item.at(*path)
        if isinstance(metadata, Mapping):
            yield from _labels(item, path, metadata)
            yield from _annotations(item, path, metadata)


def _name(item: KubernetesObject) -> Iterator[Finding]:
    pattern, form = _RULES.get(item.kind, (_SUBDOMAIN, _DNS_SUBDOMAIN))
    if not item.name:
        rule = "Every object has a name of its own: Pulumi would append a random one, which nothing can refer to."
        yield Finding(subject=f"{item.kind} of {item.urn}", field="metadata.name", value="(not set)", rule=rule)
    elif not pattern.fullmatch(item.name):
        yield Finding(subject=str(item), field="metadata.name", value=f'"{item.name}"', rule=f"It must be {form}.")


def _namespace(item: KubernetesObject) -> Iterator[Finding]:
    namespaced = schemas.is_namespaced(item.api_version, item.kind)
    if namespaced and not item.namespace:
        rule = f"A {item.kind} belongs to a namespace; without one it would land in `default`."
        yield Finding(subject=str(item), field="metadata.namespace", value="(not set)", rule=rule)
    if namespaced is False and item.namespace:
        rule = f"A {item.kind} belongs to no namespace."
        yield Finding(subject=str(item), field="metadata.namespace", value=f'"{item.namespace}"', rule=rule)


def _labels(item: KubernetesObject, path: tuple[str, ...], metadata: Mapping[str, Any]) -> Iterator[Finding]:
    for key, value in (metadata.get("labels") or {}).items():
        where = (*path, "labels", key)
        yield from _key(item, where, key)
        if isinstance(value, str) and not _LABEL_VALUE.fullmatch(value):
            rule = "A label's value has at most 63 letters, digits, '-', '_' and '.', a letter or digit at both ends."
            yield Finding(subject=str(item), field=field_path(where), value=shown(item.content, where), rule=rule)


def _annotations(item: KubernetesObject, path: tuple[str, ...], metadata: Mapping[str, Any]) -> Iterator[Finding]:
    annotations = metadata.get("annotations") or {}
    for key in annotations:
        yield from _key(item, (*path, "annotations", key), key.lower())
    size = sum(len(str(key).encode()) + len(str(value).encode()) for key, value in annotations.items())
    if size > _ANNOTATION_BYTES:
        rule = f"The annotations of an object have at most {_ANNOTATION_BYTES} bytes in all."
        yield Finding(subject=str(item), field=field_path((*path, "annotations")), value=f"{size} bytes", rule=rule)


def _key(item: KubernetesObject, where: tuple[str, ...], key: str) -> Iterator[Finding]:
    prefix, slash, name = key.rpartition("/")
    if (slash and not _SUBDOMAIN.fullmatch(prefix)) or not _QUALIFIED_NAME.fullmatch(name):
        rule = (
            "A key is a name of at most 63 letters, digits, '-', '_' and '.', with a DNS subdomain and '/' before it."
        )
        yield Finding(subject=str(item), field=field_path(where), value=shown(item.content, where), rule=rule)

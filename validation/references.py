"""What objects refer to must be there: namespaces, selected pods, service accounts, volumes."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from offline.objects import KubernetesObject
from offline.registration import Registration
from validation.findings import Finding, field_path, shown

_ALWAYS_THERE = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})
_TEMPLATED = ("Deployment", "StatefulSet", "DaemonSet", "Job")

# Where a kind says which pods it means, and whether saying nothing means all of them (then nothing has to match).
SELECTORS: dict[str, tuple[str, ...]] = {
    "Service": ("spec", "selector"),
    "PodDisruptionBudget": ("spec", "selector", "matchLabels"),
    "NetworkPolicy": ("spec", "podSelector", "matchLabels"),
    "AuthorizationPolicy": ("spec", "selector", "matchLabels"),
    "PeerAuthentication": ("spec", "selector", "matchLabels"),
    "RequestAuthentication": ("spec", "selector", "matchLabels"),
    "Telemetry": ("spec", "selector", "matchLabels"),
    "Sidecar": ("spec", "workloadSelector", "labels"),
}


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Pods that run in a namespace, by their labels."""

    namespace: str
    labels: tuple[tuple[str, str], ...]

    def matches(self, selector: Mapping[str, Any]) -> bool:
        own = dict(self.labels)
        return all(own.get(key) == value for key, value in selector.items())


def check(
    objects: Sequence[KubernetesObject], charts: Iterable[Registration], elsewhere: tuple[Workload, ...]
) -> Iterator[Finding]:
    """Every reference that would lead nowhere, in the order of `objects`.

    charts: the Helm releases; in their namespaces there are pods that nobody here knows the labels of
    """
    charts = tuple(charts)
    namespaces = _namespaces(objects, charts) | {workload.namespace for workload in elsewhere}
    charted = {str(chart.inputs.get("namespace", "default")) for chart in charts}
    workloads: dict[str, list[Workload]] = {}
    for workload in (*_templates(objects), *elsewhere):
        workloads.setdefault(workload.namespace, []).append(workload)
    for item in objects:
        if item.namespace and item.namespace not in namespaces:
            rule = "No such namespace exists, and nothing in this program makes it."
            yield Finding(subject=str(item), field="metadata.namespace", value=f'"{item.namespace}"', rule=rule)
        if item.namespace and item.namespace not in charted:
            yield from _selector(item, workloads.get(item.namespace, ()))
        if item.kind in _TEMPLATED:
            yield from _template(item)
        if item.kind == "NetworkPolicy":
            yield from _address_blocks(item)
    for chart in charts:
        namespace = str(chart.inputs.get("namespace", "default"))
        if namespace not in namespaces:
            yield Finding(
                subject=f"Helm release {chart.name}",
                field="namespace",
                value=f'"{namespace}"',
                rule="No such namespace exists, and nothing in this program makes it.",
            )


def _namespaces(objects: Iterable[KubernetesObject], charts: Iterable[Registration]) -> set[str]:
    made = {item.name for item in objects if item.kind == "Namespace"}
    by_charts = {str(chart.inputs.get("namespace")) for chart in charts if chart.inputs.get("createNamespace")}
    return made | by_charts | _ALWAYS_THERE


def _templates(objects: Iterable[KubernetesObject]) -> Iterator[Workload]:
    for item in objects:
        path = ("spec", "jobTemplate", "spec") if item.kind == "CronJob" else ("spec",)
        labels = (
            item.at("metadata", "labels") if item.kind == "Pod" else item.at(*path, "template", "metadata", "labels")
        )
        if item.namespace and isinstance(labels, Mapping):
            yield Workload(namespace=item.namespace, labels=tuple(labels.items()))


def _selector(item: KubernetesObject, workloads: Iterable[Workload]) -> Iterator[Finding]:
    path = SELECTORS.get(item.kind)
    selector = item.at(*path) if path else None
    if path and isinstance(selector, Mapping) and selector and not any(one.matches(selector) for one in workloads):
        rule = "It selects nothing: no workload in this namespace has these labels."
        yield Finding(subject=str(item), field=field_path(path), value=shown(item.content, path), rule=rule)


def _template(item: KubernetesObject) -> Iterator[Finding]:
    """What the API server checks in a workload beyond its schema."""
    selector = item.at("spec", "selector", "matchLabels")
    labels = item.at("spec", "template", "metadata", "labels") or {}
    if isinstance(selector, Mapping) and any(labels.get(key) != value for key, value in selector.items()):
        path = ("spec", "selector", "matchLabels")
        rule = "It must match the labels of the pod template."
        yield Finding(subject=str(item), field=field_path(path), value=shown(item.content, path), rule=rule)
    pod = item.at("spec", "template", "spec") or {}
    volumes = {volume.get("name") for volume in pod.get("volumes") or ()}
    for group in ("initContainers", "containers"):
        for position, container in enumerate(pod.get(group) or ()):
            where = ("spec", "template", "spec", group, position)
            for index, mount in enumerate(container.get("volumeMounts") or ()):
                if mount.get("name") not in volumes:
                    path = (*where, "volumeMounts", index, "name")
                    rule = "The pod has no volume of this name."
                    yield Finding(subject=str(item), field=field_path(path), value=shown(item.content, path), rule=rule)
            for index, port in enumerate(container.get("ports") or ()):
                if isinstance(port.get("containerPort"), int) and not 1 <= port["containerPort"] <= 65535:
                    path = (*where, "ports", index, "containerPort")
                    rule = "A port is a number from 1 to 65535."
                    yield Finding(subject=str(item), field=field_path(path), value=shown(item.content, path), rule=rule)


def _address_blocks(item: KubernetesObject) -> Iterator[Finding]:
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for position, rule_ in enumerate(item.at("spec", direction) or ()):
            for index, peer in enumerate(rule_.get(peers) or ()):
                block = peer.get("ipBlock")
                path = ("spec", direction, position, peers, index, "ipBlock", "cidr")
                if isinstance(block, Mapping) and not _is_network(block.get("cidr")):
                    rule = "It must be a network in CIDR form, without host bits."
                    yield Finding(subject=str(item), field=field_path(path), value=shown(item.content, path), rule=rule)


def _is_network(text: Any) -> bool:
    try:
        ipaddress.ip_network(text)
    except (ValueError, TypeError):
        return False
    return True

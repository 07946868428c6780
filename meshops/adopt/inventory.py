"""What runs in a cluster, joined to applications: workloads by their label, Services, identities, public names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from policy.resources import Resource

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Pod")
Key = tuple[str, str]
"""Namespace and name of an application."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """One application as it runs. works: one, or several that share the label `app`, such as a canary.

    services: those that lead to its pods. labelled: whether its pods carry `app: <name>`.
    """

    namespace: str
    name: str
    works: tuple[Resource, ...]
    services: tuple[Resource, ...]
    labelled: bool

    @property
    def key(self) -> Key:
        return self.namespace, self.name

    @cached_property
    def accounts(self) -> tuple[str, ...]:
        """The service accounts that its pods run under."""
        return tuple(sorted({str(work.pod.get("serviceAccountName") or "default") for work in self.works}))

    @cached_property
    def service(self) -> Resource | None:
        """The one that it is called by: with its own name, or else with an address of its own."""
        ranked = sorted(
            self.services,
            key=lambda one: (one.object_name != self.name, one.at("spec", "clusterIP") == "None", one.object_name),
        )
        return ranked[0] if ranked else None

    @cached_property
    def ports(self) -> tuple[Port, ...]:
        """Of its Service, in its order."""
        if self.service is None:
            return ()
        return tuple(
            Port(
                number=int(entry["port"]),
                target=self.container_port(entry.get("targetPort") or entry["port"]),
                name=str(entry.get("name") or ""),
                protocol=str(entry.get("appProtocol") or ""),
            )
            for entry in self.service.at("spec", "ports") or ()
            if entry.get("protocol", "TCP") == "TCP"
        )

    def container_port(self, target: int | str) -> int:
        """A Service's targetPort as a number; 0 where no container names it."""
        if str(target).isdigit():
            return int(target)
        for work in self.works:
            for _, container in work.containers():
                for port in container.get("ports") or ():
                    if port.get("name") == target:
                        return int(port["containerPort"])
        return 0

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Port:
    """number: the Service's; target: the container's. protocol: its appProtocol."""

    number: int
    target: int
    name: str
    protocol: str


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """objects: everything that was read, of all namespaces."""

    objects: tuple[Resource, ...]

    def of(self, kind: str, namespace: str | None = None) -> tuple[Resource, ...]:
        return tuple(one for one in self._kinds.get(kind, ()) if namespace is None or one.namespace == namespace)

    def namespace(self, name: str) -> Resource | None:
        return next((one for one in self.of("Namespace") if one.object_name == name), None)

    def applications(self, namespace: str) -> tuple[Running, ...]:
        """Sorted by name."""
        return tuple(self._applications[key] for key in sorted(self._applications) if key[0] == namespace)

    def find(self, key: Key) -> Running | None:
        return self._applications.get(key)

    def with_account(self, namespace: str, account: str) -> tuple[Running, ...]:
        return tuple(one for one in self.applications(namespace) if account in one.accounts)

    def at_address(self, address: str) -> Running | str | None:
        """Who has this address: an application, or a pod of nobody's; None for no pod of the cluster."""
        pod = self._pods.get(address)
        return None if pod is None else self.of_pod(pod.namespace, pod.object_name) or f"Pod {_path(pod)}"

    def of_pod(self, namespace: str, name: str) -> Running | None:
        pod = next((one for one in self.of("Pod", namespace) if one.object_name == name), None)
        labels = (pod.labels if pod else None) or {}
        fitting = [
            one
            for one in self.applications(namespace)
            if any(_selects(_template_labels(work), labels) for work in one.works)
        ]
        # Of two that fit the one that says more of the pod.
        return max(fitting, key=lambda one: max(len(_template_labels(work)) for work in one.works), default=None)

    def service_at(self, address: str) -> Resource | None:
        """Whose own address this is: connections name it before they are sent on."""
        return next((one for one in self.of("Service") if one.at("spec", "clusterIP") == address), None)

    def called(self, service: str, namespace: str) -> Running | None:
        """The application that this Service leads to."""
        for one in self.applications(namespace):
            if any(found.object_name == service for found in one.services):
                return one
        return None

    @cached_property
    def nodes(self) -> frozenset[str]:
        """The nodes' addresses: the kubelet's probes come from there."""
        return frozenset(str(pod.at("status", "hostIP")) for pod in self.of("Pod")) - {"None"}

    @cached_property
    def _kinds(self) -> Mapping[str, tuple[Resource, ...]]:
        found: defaultdict[str, list[Resource]] = defaultdict(list)
        for one in self.objects:
            found[one.kind].append(one)
        return {kind: tuple(sorted(items, key=_path)) for kind, items in found.items()}

    @cached_property
    def _pods(self) -> Mapping[str, Resource]:
        # A pod in the node's network has the node's address, which is nobody's own.
        return {
            str(pod.at("status", "podIP")): pod
            for pod in self.of("Pod")
            if pod.at("status", "podIP") and not pod.at("spec", "hostNetwork")
        }

    @cached_property
    def _applications(self) -> Mapping[Key, Running]:
        grouped: defaultdict[Key, list[Resource]] = defaultdict(list)
        for kind in WORKLOADS:
            for work in self.of(kind):
                if not work.at("metadata", "ownerReferences"):
                    grouped[work.namespace, _name(work)].append(work)
        return {
            key: Running(
                namespace=key[0],
                name=key[1],
                works=tuple(works),
                services=tuple(self._services(key[0], works)),
                labelled=all(_template_labels(work).get("app") == key[1] for work in works),
            )
            for key, works in grouped.items()
        }

    def _services(self, namespace: str, works: Iterable[Resource]) -> Iterator[Resource]:
        for service in self.of("Service", namespace):
            selector = service.at("spec", "selector") or {}
            if selector and any(_selects(selector, _template_labels(work)) for work in works):
                yield service


def inventory(items: Iterable[Mapping[str, Any]]) -> Inventory:
    """From objects as `kubectl get --output=json` shows them."""
    return Inventory(
        objects=tuple(
            Resource(
                urn="",
                type=f"kubernetes:{item['apiVersion']}:{item['kind']}",
                name=item["metadata"]["name"],
                inputs=item,
            )
            for item in items
        )
    )


def _name(work: Resource) -> str:
    return str(_template_labels(work).get("app") or work.object_name)


def _template_labels(work: Resource) -> Mapping[str, Any]:
    return work.pod_metadata.get("labels") or {}


def _selects(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def _path(item: Resource) -> str:
    return f"{item.namespace}/{item.object_name}"

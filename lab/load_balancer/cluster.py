"""The cluster's side: what the controller reads there, and what it writes."""

from __future__ import annotations

import datetime
import hashlib
import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.cluster.objects import Document, Key, Objects, Refused
from lab.load_balancer import ingress_model, service_model

COMPONENT = "stand-in-load-balancer-controller"
CLUSTER_ERRORS = (Refused, OSError, http.client.HTTPException)
"""The API server said no, or did not answer."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The cluster at one moment. services, slices: by `<namespace>/<name>` of the Service."""

    wanted: tuple[Document, ...]
    """The Ingresses and Services that are the controller's to serve: Ingresses first, each by name."""
    services: Mapping[str, Mapping[str, Any]]
    slices: Mapping[str, tuple[Mapping[str, Any], ...]]


@dataclass(kw_only=True)
class Cluster:
    """One cluster. For one thread."""

    objects: Objects

    def see(self) -> Seen:
        """Reads everything. Raises CLUSTER_ERRORS."""
        ingresses = [o for o in self._listed("networking.k8s.io/v1", "Ingress") if ingress_model.ours(o)]
        services = {reference(o): o for o in self._listed("v1", "Service")}
        balanced = [service for service in services.values() if service_model.ours(service)]
        named = {*map(reference, balanced), *(backend for o in ingresses if (backend := _backend(o)))}
        return Seen(
            wanted=(*ingresses, *balanced),
            services={name: services[name] for name in sorted(named & services.keys())},
            slices={name: self._slices(name) for name in sorted(named & services.keys())},
        )

    def write_status(self, wanted: Document, addresses: list[Document]) -> None:
        """Makes the object's `status.loadBalancer.ingress` this, if it is not."""
        balancer = (wanted.get("status") or {}).get("loadBalancer") or {}
        if balancer.get("ingress") != addresses:
            self.objects.set_status(Key.of(wanted), {"loadBalancer": {"ingress": addresses}})

    def write_event(self, wanted: Document, reason: str, message: str, *, warning: bool) -> None:
        """An Event on the object, once for each reason and message."""
        metadata = wanted["metadata"]
        digest = hashlib.sha256(f"{metadata['uid']}{reason}{message}".encode()).hexdigest()[:16]
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.objects.create(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": f"{metadata['name']}.{digest}", "namespace": metadata["namespace"]},
                "involvedObject": {
                    "apiVersion": wanted["apiVersion"],
                    "kind": wanted["kind"],
                    "name": metadata["name"],
                    "namespace": metadata["namespace"],
                    "uid": metadata["uid"],
                },
                "reason": reason,
                "message": message,
                "type": "Warning" if warning else "Normal",
                "source": {"component": COMPONENT},
                "firstTimestamp": now,
                "lastTimestamp": now,
                "count": 1,
            }
        )

    def _slices(self, service: str) -> tuple[Document, ...]:
        namespace, _, name = service.partition("/")
        label = f"kubernetes.io/service-name={name}"
        return tuple(self.objects.listed("discovery.k8s.io/v1", "EndpointSlice", namespace=namespace, labels=label))

    def _listed(self, api_version: str, kind: str) -> list[Document]:
        # A list does not repeat the kind of its items. One that is being deleted is not served any more.
        items = [
            {"apiVersion": api_version, "kind": kind, **item}
            for item in self.objects.listed(api_version, kind)
            if not item["metadata"].get("deletionTimestamp")
        ]
        return sorted(items, key=reference)


def reference(document: Document) -> str:
    """`<namespace>/<name>`."""
    return f"{document['metadata']['namespace']}/{document['metadata']['name']}"


def _backend(ingress: Document) -> str:
    service = (ingress["spec"].get("defaultBackend") or {}).get("service") or {}
    return f"{ingress['metadata']['namespace']}/{service['name']}" if service else ""

"""Who a NetworkPolicy is about, and at which ports: parts of its rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from manifests.names import KUBE_SYSTEM

Peer = dict[str, Any]


def in_namespace(name: str) -> Peer:
    """Every pod of a namespace. Kubernetes sets this label itself: nobody else's namespace can carry it.

    Source: https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name
    """
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def pods(labels: Mapping[str, str], *, namespace: str | None = None) -> Peer:
    """The pods with these labels, of the policy's own namespace if none is named."""
    where = in_namespace(namespace) if namespace else {}
    return {**where, "podSelector": {"matchLabels": dict(labels)}}


def port(number: int | None, protocol: str = "TCP") -> dict[str, Any]:
    """One port; None: every port of the protocol."""
    return {"port": number, "protocol": protocol}


def dns() -> dict[str, Any]:
    """The way out to the cluster's DNS."""
    # TCP as well: an answer that does not fit into a datagram is asked for again.
    return {"to": [pods({"k8s-app": "kube-dns"}, namespace=KUBE_SYSTEM)], "ports": [port(53, "UDP"), port(53)]}

"""What a proxy is told with 10, 100 and 1000 Services more: by the program's Sidecars, and where it is told of all.

The Services have endpoints that do not exist (EndpointSlices by hand): istiod tells of them all the same.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

from lab.cluster.control_plane import ControlPlane
from lab.costs.proxies import admin, client
from lab.progress import Progress
from lab.waiting import until
from manifests.document import Document, document
from manifests.names import INJECTION_LABEL, ISTIO_INGRESS
from meshops.checks.model import Table
from meshops.tools import as_list
from versions import CURL_IMAGE

_NAMESPACE = "lab-costs"
_WIDE = "told-of-all"
_PORT = 8080
_EXTRA = "a-change"
_PUSH_SECONDS = 60.0


def measure(plane: ControlPlane, counts: Sequence[int], progress: Progress) -> Table:
    """Configuration and memory of two sidecars as Services come, and how long one change takes. Raises LabError.

    counts: of Services, the fewest first.
    """
    revision = plane.kubectl(
        "get", "namespace", ISTIO_INGRESS, f"--output=jsonpath={{.metadata.labels.{_escaped(INJECTION_LABEL)}}}"
    )
    rows = []
    try:
        plane.kubectl("create", "--filename=-", stdin=as_list(_ground(revision)))
        plane.kubectl("wait", f"--namespace={_NAMESPACE}", "pod", _WIDE, "--for=condition=Ready", "--timeout=90s")
        with client(plane) as ours:
            wide = json.loads(plane.kubectl("get", "pod", _WIDE, f"--namespace={_NAMESPACE}", "--output=json"))
            made = 0
            for count in counts:
                progress.update(f"{count} Services")
                _apply(plane, [part for number in range(made, count) for part in _service(f"s{number:04}", number)])
                made = count
                _until_known(plane, wide, f"s{count - 1:04}")
                narrow, full = (_bytes(plane, pod) for pod in (ours, wide))
                rows.append(
                    (
                        str(count),
                        f"{narrow / 1024:.0f} KiB",
                        f"{full / 1024:.0f} KiB",
                        f"{100 * narrow / full:.1f} %",
                        _allocated(plane, ours),
                        _allocated(plane, wide),
                        f"{_push(plane, wide, count):.1f} s",
                    )
                )
    finally:
        plane.kubectl("delete", "namespace", _NAMESPACE, "--ignore-not-found", "--wait=true")
    return Table(
        header=(
            "Services more",
            "configuration with our Sidecar",
            "told of all",
            "share",
            "memory with ours",
            "told of all",
            "one change, at the one told of all",
        ),
        rows=tuple(rows),
    )


def _ground(revision: str) -> Iterator[Document]:
    """A namespace whose pods are told of every Service of the mesh."""
    yield document("v1", "Namespace", _NAMESPACE, labels={INJECTION_LABEL: revision})
    egress = {"egress": [{"hosts": ["*/*"]}]}
    yield document("networking.istio.io/v1", "Sidecar", "default", namespace=_NAMESPACE, spec=egress)
    container = {"name": "main", "image": CURL_IMAGE, "command": ["sleep", "infinity"]}
    spec = {"automountServiceAccountToken": False, "terminationGracePeriodSeconds": 1, "containers": [container]}
    yield document("v1", "Pod", _WIDE, namespace=_NAMESPACE, labels={"app": _WIDE}, spec=spec)


def _service(name: str, number: int) -> Iterator[dict[str, Any]]:
    ports = [{"name": "http", "port": _PORT, "targetPort": _PORT, "protocol": "TCP"}]
    yield document("v1", "Service", name, namespace=_NAMESPACE, spec={"ports": ports})
    yield {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": _NAMESPACE, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        # Of the range for documentation and benchmarks (RFC 2544): nobody has it.
        "endpoints": [
            {"addresses": [f"198.18.{number // 250}.{number % 250 + 1}"], "conditions": {"ready": True}},
            {"addresses": [f"198.19.{number // 250}.{number % 250 + 1}"], "conditions": {"ready": True}},
        ],
        "ports": [{"name": "http", "port": _PORT, "protocol": "TCP"}],
    }


def _apply(plane: ControlPlane, documents: list[dict[str, Any]]) -> None:
    plane.kubectl("create", "--filename=-", stdin=as_list(documents))


def _until_known(plane: ControlPlane, pod: dict[str, Any], name: str) -> None:
    host = f"{name}.{_NAMESPACE}.svc"
    until(lambda: host in admin(plane, pod, "clusters"), seconds=_PUSH_SECONDS, what=f"{name} to reach the proxy")


def _push(plane: ControlPlane, pod: dict[str, Any], count: int) -> float:
    """Seconds from a new Service until the proxy has it, as often as kubectl exec can ask."""
    name = f"{_EXTRA}-{count}"
    began = time.monotonic()
    _apply(plane, list(_service(name, count)))
    _until_known(plane, pod, name)
    return time.monotonic() - began


def _bytes(plane: ControlPlane, pod: dict[str, Any]) -> int:
    return len(admin(plane, pod, "config_dump?include_eds"))


def _allocated(plane: ControlPlane, pod: dict[str, Any]) -> str:
    return f"{int(json.loads(admin(plane, pod, 'memory'))['allocated']) / 2**20:.1f} MiB"


def _escaped(label: str) -> str:
    return label.replace(".", r"\.")

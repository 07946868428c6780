"""What a run looks at: of a cluster by kubectl, or of files that somebody recorded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from meshops.adopt.inventory import Inventory, inventory
from meshops.adopt.sightings import Sighting, Unreadable, read_lines
from meshops.checks.options import UsageError
from meshops.tools import ToolError, Tools

PROXY = "istio-proxy"
KINDS: tuple[str, ...] = (
    "namespaces",
    "pods",
    "services",
    "deployments.apps",
    "statefulsets.apps",
    "daemonsets.apps",
    "jobs.batch",
    "cronjobs.batch",
    "ingresses.networking.k8s.io",
    "networkpolicies.networking.k8s.io",
)
ISTIO_KINDS: tuple[str, ...] = (
    "gateways.networking.istio.io",
    "virtualservices.networking.istio.io",
    "destinationrules.networking.istio.io",
    "sidecars.networking.istio.io",
    "serviceentries.networking.istio.io",
    "envoyfilters.networking.istio.io",
    "authorizationpolicies.security.istio.io",
    "peerauthentications.security.istio.io",
    "requestauthentications.security.istio.io",
    "telemetries.telemetry.istio.io",
)
_NO_SUCH_KIND = "doesn't have a resource type"
_WORKERS = 4


def of_cluster(tools: Tools, namespaces: Sequence[str], *, since: str) -> tuple[Inventory, tuple[Sighting, ...]]:
    """Objects of all namespaces, and the access logs of the proxies in these. since: as kubectl takes it, e.g. `24h`.

    Raises ToolError and Unreadable.
    """
    items = _get(tools, KINDS)
    try:
        items += _get(tools, ISTIO_KINDS)
    except ToolError as problem:
        if _NO_SUCH_KIND not in str(problem):
            raise
        # A cluster without Istio, before its first `up`.
    found = inventory(items)
    proxies = [
        (pod.namespace, pod.object_name)
        for name in namespaces
        for pod in found.of("Pod", name)
        if any(container.get("name") == PROXY for _, container in pod.containers())
    ]

    def ask(pod: tuple[str, str]) -> tuple[Sighting, ...]:
        return tuple(_logged(tools, found, pod, since))

    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        return found, tuple(sighting for lines in pool.map(ask, proxies) for sighting in lines)


def of_directory(directory: Path) -> tuple[Inventory, tuple[Sighting, ...]]:
    """`*.json`: objects as `kubectl get --output=json --show-managed-fields` prints them; all else is traffic.

    Raises UsageError.
    """
    if not directory.is_dir():
        raise UsageError(f"--from {directory}: there is no such directory.")
    files = sorted(path for path in directory.iterdir() if path.is_file())
    items = [item for path in files if path.suffix == ".json" for item in _items(path)]
    if not items:
        raise UsageError(f"--from {directory}: no *.json with objects of Kubernetes lies in it.")
    return inventory(items), of_files(path for path in files if path.suffix != ".json")


def of_files(paths: Iterable[Path]) -> tuple[Sighting, ...]:
    """Access logs, conntrack, `ss` or recorded requests, told by their lines. Raises UsageError."""
    found: list[Sighting] = []
    for path in paths:
        try:
            found += read_lines(path.read_text(encoding="utf-8", errors="replace"))
        except (OSError, Unreadable) as problem:
            raise UsageError(f"{path}: {problem}") from problem
    return tuple(found)


def _get(tools: Tools, kinds: Sequence[str]) -> list[Mapping[str, Any]]:
    text = tools.ask_kubectl(
        "get", ",".join(kinds), "--all-namespaces", "--output=json", "--show-managed-fields", seconds=90
    )
    try:
        return list(json.loads(text)["items"])
    except (ValueError, KeyError, TypeError) as problem:
        raise ToolError(f"kubectl's answer could not be read: {problem!r}") from problem


def _logged(tools: Tools, found: Inventory, pod: tuple[str, str], since: str) -> Iterator[Sighting]:
    namespace, name = pod
    text = tools.ask_kubectl(
        "logs", f"--namespace={namespace}", name, f"--container={PROXY}", f"--since={since}", "--tail=-1", seconds=120
    )
    running = found.of_pod(namespace, name)
    lines = "\n".join(line for line in text.splitlines() if '"response_flags"' in line)
    return read_lines(lines, namespace=namespace, application=running.name if running else name)


def _items(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = content["items"] if str(content["kind"]).endswith("List") else [content]
        kind = str(content["kind"]).removesuffix("List")
        for item in found:
            # The list of one kind leaves it out in its items.
            whole: dict[str, Any] = {"apiVersion": content["apiVersion"], "kind": kind, **item}
            if not whole["metadata"]["name"] or not whole["kind"]:
                raise KeyError("name")
            yield whole
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise UsageError(f"{path}: no object of Kubernetes, and no list of them ({problem!r}).") from problem

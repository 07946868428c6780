"""Check MP601: whether a control plane that this `up` removes is still called by a sidecar that nobody restarts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from configuration.settings import Settings
from manifests.names import GATEWAY_SELECTOR, ISTIO_INGRESS
from meshops.checks.model import Check, Table, Unavailable, Verdict
from meshops.preflight.aws import Endpoint
from meshops.tools import ToolError, Tools

CHECK = Check(
    id="MP601",
    section="Upgrade",
    name="No sidecar is cut off",
    shows="Every sidecar calls a control plane that the settings keep, or this `up` restarts its pod before it removes "
    "that one.",
    how="The pods that have a sidecar, and their annotation istio.io/rev, from the API server by kubectl.",
    severity="high",
    remedy="Have these pods restarted by whoever deploys them; until then keep their version as "
    "mesh.secondIstioVersion.",
)

_NO_CLUSTER = "There is no cluster {} yet, and so no sidecar."
_READ = (
    "Give --kubeconfig of the stack's cluster (pulumi stack output --show-secrets kubeconfig); to read pods is enough."
)


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """One pod that has a sidecar. revision: of the control plane that injected it."""

    namespace: str
    pod: str
    labels: Mapping[str, str]
    revision: str


def read(tools: Tools, *, endpoint_url: str = "") -> tuple[Sidecar, ...] | Unavailable:
    """endpoint_url: of the stack's API server, as EKS has it; empty where nobody can say."""
    try:
        if isinstance(other := of_the_stack(tools, endpoint_url), Unavailable):
            return other
        text = tools.ask_kubectl("get", "pods", "--all-namespaces", "--output=json", seconds=60)
        return sidecars(json.loads(text)["items"])
    except ToolError as problem:
        return Unavailable(reason=f"The cluster's pods could not be read: {problem}", remedy=_READ)
    except (ValueError, KeyError, TypeError) as problem:
        return Unavailable(reason=f"kubectl's answer could not be read: {problem!r}", remedy=_READ)


def of_the_stack(tools: Tools, endpoint_url: str) -> Unavailable | None:
    """Whether the kubeconfig leads there: another cluster's objects say nothing, and that would look like a pass.

    Raises ToolError.
    """
    server = tools.ask_kubectl("config", "view", "--minify", "--output=jsonpath={.clusters[0].cluster.server}").strip()
    if not endpoint_url or _host(server) == _host(endpoint_url):
        return None
    return Unavailable(reason=f"The kubeconfig's cluster is {server}, the stack's is {endpoint_url}.", remedy=_READ)


def sidecars(pods: Iterable[Mapping[str, Any]]) -> tuple[Sidecar, ...]:
    """Of Kubernetes' own pods: those that run a sidecar."""
    found: list[Sidecar] = []
    for pod in pods:
        metadata, spec = pod["metadata"], pod["spec"]
        containers = [*(spec.get("initContainers") or ()), *spec["containers"]]
        ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if ended or not any(container["name"] == "istio-proxy" for container in containers):
            continue
        found.append(
            Sidecar(
                namespace=metadata["namespace"],
                pod=metadata["name"],
                labels=metadata.get("labels") or {},
                revision=(metadata.get("annotations") or {}).get("istio.io/rev", ""),
            )
        )
    return tuple(found)


def check(
    settings: Settings, endpoint: Endpoint | Unavailable | None, found: Sequence[Sidecar] | Unavailable
) -> Verdict:
    """endpoint: None where there is no cluster yet."""
    if endpoint is None:
        return Verdict(status="pass", finding=_NO_CLUSTER.format(settings.cluster.name))
    if isinstance(endpoint, Unavailable):
        return endpoint.verdict()
    if isinstance(found, Unavailable):
        return found.verdict()
    kept = settings.mesh.revisions
    leaving = [sidecar for sidecar in found if sidecar.revision not in kept]
    lost = [sidecar for sidecar in leaving if not _rolls(settings, sidecar)]
    table = _table(settings, leaving) if leaving else None
    listed = " and ".join(kept)
    if lost:
        names = ", ".join(sorted({f"{sidecar.namespace}/{_application(sidecar)}" for sidecar in lost}))
        return Verdict(
            status="fail",
            finding=f"{len(lost)} sidecars of {names} call a control plane that the settings no longer name ({listed} "
            "only): they would get no configuration, and no certificate once theirs ends.",
            evidence=tuple(f"{sidecar.namespace}/{sidecar.pod}: {sidecar.revision}" for sidecar in lost),
            table=table,
        )
    if leaving:
        return Verdict(
            status="pass",
            finding=f"{len(leaving)} of {len(found)} sidecars call a control plane that goes, and this `up` restarts "
            "all of those before.",
            table=table,
        )
    return Verdict(status="pass", finding=f"{len(found)} sidecars, all of {listed}, which the settings keep.")


def _rolls(settings: Settings, sidecar: Sidecar) -> bool:
    """Whether the program deploys the pod: its template carries the revision, so that it rolls when that changes."""
    if sidecar.namespace == ISTIO_INGRESS:
        return GATEWAY_SELECTOR.items() <= sidecar.labels.items()
    return any(
        application.workload == "managed" and application.name == sidecar.labels.get("app")
        for namespace in settings.namespaces
        if namespace.name == sidecar.namespace and namespace.in_mesh
        for application in namespace.applications
    )


def _table(settings: Settings, found: Iterable[Sidecar]) -> Table:
    rows = Counter(
        (
            f"{one.namespace}/{_application(one)}",
            one.revision or "(none)",
            "this `up`" if _rolls(settings, one) else "-",
        )
        for one in found
    )
    return Table(
        header=("application", "revision", "pods", "restarted by"),
        rows=tuple((name, revision, str(count), by) for (name, revision, by), count in sorted(rows.items())),
    )


def _application(sidecar: Sidecar) -> str:
    return sidecar.labels.get("app") or sidecar.pod


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").lower()

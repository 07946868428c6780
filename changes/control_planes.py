"""Which namespaces get another control plane between two plans, and which control planes go."""

from __future__ import annotations

from dataclasses import dataclass

from changes.plan_resources import Resources, inputs_of
from manifests.names import GATEWAY, INJECTION_LABEL, ISTIO_INGRESS

_NAMESPACES = ("kubernetes:core/v1:Namespace", "kubernetes:core/v1:NamespacePatch")
_RELEASE = "kubernetes:helm.sh/v3:Release"


@dataclass(frozen=True, kw_only=True)
class Move:
    """A namespace in the mesh whose pods get their sidecars from another control plane from now on.

    rolls: what the program restarts by itself; stays: what other pipelines deploy, and have to.
    """

    namespace: str
    old: str
    new: str
    rolls: tuple[str, ...]
    stays: tuple[str, ...]


def moves(old: Resources, new: Resources) -> tuple[Move, ...]:
    before, after = _labels(old), _labels(new)
    deployed, known = (
        _applications(new, "apps/v1", "Deployment"),
        _applications(new, "networking.istio.io/v1", "Sidecar"),
    )
    found: list[Move] = []
    for namespace, revision in after.items():
        if before.get(namespace, revision) == revision:
            continue
        rolls = deployed.get(namespace, ())
        found.append(
            Move(
                namespace=namespace,
                old=before[namespace],
                new=revision,
                rolls=(GATEWAY,) if namespace == ISTIO_INGRESS else tuple(rolls),
                stays=tuple(name for name in known.get(namespace, ()) if name not in rolls),
            )
        )
    return tuple(found)


def gone(old: Resources, new: Resources) -> tuple[str, ...]:
    """The revisions whose control planes are removed."""
    return tuple(revision for revision in _control_planes(old) if revision not in _control_planes(new))


def _labels(resources: Resources) -> dict[str, str]:
    """Namespace -> the revision that its label names."""
    found: dict[str, str] = {}
    for inputs in inputs_of(resources, *_NAMESPACES):
        metadata = inputs["metadata"]
        if revision := (metadata.get("labels") or {}).get(INJECTION_LABEL):
            found[metadata["name"]] = revision
    return found


def _applications(resources: Resources, api_version: str, kind: str) -> dict[str, list[str]]:
    """Namespace -> the names of its objects of a kind that are an application's each."""
    found: dict[str, list[str]] = {}
    for inputs in inputs_of(resources, f"kubernetes:{api_version}:{kind}"):
        metadata = inputs["metadata"]
        if kind != "Sidecar" or "workloadSelector" in inputs["spec"]:
            found.setdefault(metadata["namespace"], []).append(metadata["name"])
    return found


def _control_planes(resources: Resources) -> list[str]:
    releases = inputs_of(resources, _RELEASE)
    return [str(inputs["values"]["revision"]) for inputs in releases if inputs.get("chart") == "istiod"]

"""Which control plane everything is on, and what it means for pods that the program does not roll."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from configuration.mesh import revision_of
from configuration.settings import Settings
from manifests.names import GATEWAY, INJECTION_LABEL, ISTIO_INGRESS

Resources = Mapping[str, Mapping[str, Any]]
"""`<chain of types>::<name>` -> an entry of resources.json."""

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


def render(moved: Iterable[Move], removed: Iterable[str]) -> list[str]:
    """Markdown, each part with a blank line behind it."""
    lines: list[str] = []
    for revision in removed:
        lines += [
            f"**REMOVED: the control plane `{revision}`. A sidecar that still calls it keeps the configuration that it "
            "has, and a certificate for a day at most. `meshops preflight --only MP601` with these settings says whose "
            "those are.**",
            "",
        ]
    rows = [
        f"| `{move.namespace}` | `{move.old}` | `{move.new}` | {_names(move.rolls)} | {_names(move.stays)} |"
        for move in moved
    ]
    if rows:
        lines += [
            "### Moves to another control plane",
            "",
            "| Namespace | From | To | Rolls by itself | Keeps its sidecar until its own pipeline restarts it |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
        ]
    return lines


def control_planes(settings: Settings) -> list[tuple[str, str, str]]:
    """Of each: its revision, what is on it, and what of that the program does not roll. Empty while there is one."""
    mesh = settings.mesh
    rows: list[tuple[str, str, str]] = []
    for version in mesh.istio_versions if mesh.second_istio_version else ():
        inside = [item for item in settings.namespaces if item.in_mesh]
        here = [item for item in inside if (item.istio_version or mesh.istio_version) == version]
        gateway = (settings.gateway.istio_version or mesh.istio_version) == version
        others = [
            f"{item.name}/{application.name}"
            for item in here
            for application in item.applications
            if application.workload == "external"
        ]
        places = [*(("the gateway",) if gateway else ()), *(f"`{item.name}`" for item in here)]
        rows.append((f"`{revision_of(version)}`", ", ".join(places) or "nothing", _names(others)))
    return rows


def _labels(resources: Resources) -> dict[str, str]:
    """Namespace -> the revision that its label names."""
    found: dict[str, str] = {}
    for inputs in _inputs(resources, *_NAMESPACES):
        metadata = inputs["metadata"]
        if revision := (metadata.get("labels") or {}).get(INJECTION_LABEL):
            found[metadata["name"]] = revision
    return found


def _applications(resources: Resources, api_version: str, kind: str) -> dict[str, list[str]]:
    """Namespace -> the names of its objects of a kind that are an application's each."""
    found: dict[str, list[str]] = {}
    for inputs in _inputs(resources, f"kubernetes:{api_version}:{kind}"):
        metadata = inputs["metadata"]
        if kind != "Sidecar" or "workloadSelector" in inputs["spec"]:
            found.setdefault(metadata["namespace"], []).append(metadata["name"])
    return found


def _control_planes(resources: Resources) -> list[str]:
    releases = _inputs(resources, _RELEASE)
    return [str(inputs["values"]["revision"]) for inputs in releases if inputs.get("chart") == "istiod"]


def _inputs(resources: Resources, *types: str) -> Iterator[Mapping[str, Any]]:
    for key, entry in resources.items():
        if key.partition("::")[0].rpartition("$")[2] in types:
            yield entry["inputs"]


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nothing"

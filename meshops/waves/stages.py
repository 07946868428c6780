"""Where a namespace stands: by the settings, and by what the cluster has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from configuration.applications import Namespace, Phase
from manifests.names import INJECTION_LABEL
from manifests.shadow import REFUSE_NOBODY
from meshops.verify.facts import Objects, Pod
from meshops.verify.stack import ROOT

Stage = Literal["outside", "shadow", "permissive", "strict"]
"""In the order in which a namespace goes through them; `shadow` is phase permissive with its policies tried out."""
STAGES: tuple[Stage, ...] = get_args(Stage)

_SETTINGS: Mapping[Stage, tuple[Phase, Literal["enforce", "shadow"]]] = {
    "outside": ("outside", "enforce"),
    "shadow": ("permissive", "shadow"),
    "permissive": ("permissive", "enforce"),
    "strict": ("strict", "enforce"),
}


def stage_of(namespace: Namespace) -> Stage:
    """By the settings. A strict namespace whose policies are tried out has not come further than `shadow`."""
    return "shadow" if namespace.shadowed else namespace.phase


def settings_of(stage: Stage) -> tuple[Phase, Literal["enforce", "shadow"]]:
    """`phase` and `authorization` of a namespace at this stage."""
    return _SETTINGS[stage]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One namespace. live: by the cluster, None where nothing of it is there.

    pods: how many run; meshed: how many of them with a sidecar. contradictions: what does not fit the settings.
    """

    namespace: str
    declared: Stage
    live: Stage | None
    pods: int
    meshed: int
    contradictions: tuple[str, ...] = ()


def standings(namespaces: tuple[Namespace, ...], objects: Objects) -> tuple[Standing, ...]:
    """Every namespace of the settings, in their order."""
    return tuple(_standing(namespace, objects) for namespace in namespaces)


def _standing(namespace: Namespace, objects: Objects) -> Standing:
    there = objects.find("Namespace", "", namespace.name)
    pods = [pod for pod in objects.pods if pod.namespace == namespace.name and pod.running]
    meshed = sum(pod.sidecar for pod in pods)
    declared = stage_of(namespace)
    live = None if there is None else _live(namespace.name, there.labels, objects)
    return Standing(
        namespace=namespace.name,
        declared=declared,
        live=live,
        pods=len(pods),
        meshed=meshed,
        contradictions=tuple(_contradictions(namespace, live, pods, objects)),
    )


def _live(name: str, labels: Mapping[str, str], objects: Objects) -> Stage:
    if INJECTION_LABEL not in labels and labels.get("istio-injection") != "enabled":
        return "outside"
    if objects.find("AuthorizationPolicy", name, REFUSE_NOBODY):
        return "shadow"
    return "strict" if mode_of(name, objects) == "STRICT" else "permissive"


def mode_of(namespace: str, objects: Objects) -> str:
    """The mode that its pods ask for: its own PeerAuthentication, else the mesh's, else Istio's default."""
    for where in (namespace, ROOT):
        found = objects.find("PeerAuthentication", where, "default")
        if found is not None and (mode := found.at("spec", "mtls", "mode")) not in (None, "UNSET"):
            return str(mode)
    return "PERMISSIVE"


def _contradictions(namespace: Namespace, live: Stage | None, pods: list[Pod], objects: Objects) -> list[str]:
    if live is None:
        return ["the cluster has no such namespace"]
    found = []
    declared = stage_of(namespace)
    if live != declared:
        found.append(f"the settings say {declared}, the cluster is at {live}")
    mode = mode_of(namespace.name, objects)
    if namespace.shadowed and (mode == "STRICT") != (namespace.phase == "strict"):
        found.append(f"the settings say phase {namespace.phase}, its pods ask for {mode}")
    bare = [pod.name for pod in pods if not pod.sidecar]
    if namespace.in_mesh and bare:
        found.append(f"{len(bare)} of {len(pods)} pods have no sidecar, {bare[0]} first")
    kept = [pod.name for pod in pods if pod.sidecar]
    if not namespace.in_mesh and kept:
        found.append(f"{len(kept)} of {len(pods)} pods still have a sidecar, {kept[0]} first")
    return found

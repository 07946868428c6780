"""Which control plane everything is on, and what it means for pods that the program does not roll."""

from __future__ import annotations

from collections.abc import Iterable

from changes.control_planes import Move
from configuration.mesh import revision_of
from configuration.settings import Settings


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


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nothing"

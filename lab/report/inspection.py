"""The facts for the report, read from the running lab's API server and AWS stand-in and not from the program."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from configuration.settings import Settings
from lab.cluster.control_plane import ControlPlane
from lab.cluster.helm import Helm
from lab.cluster.objects import Objects
from meshops.aws_session import session_of
from meshops.checks.model import Result
from meshops.preflight import adopted
from meshops.preflight.access import ENTRIES
from meshops.preflight.aws import gather
from meshops.preflight.control_planes import sidecars
from meshops.preflight.names import RECORDS, ZONE
from meshops.preflight.run import CHECKS, Occasion, run

# The stand-in knows no access entries, and gives hosted zones ids of its own; the lab's cluster is the stack's own.
_NOT_HERE = (ENTRIES, ZONE, RECORDS, *(check for check, _ in adopted.JUDGES))


@dataclass(frozen=True, kw_only=True)
class InstalledChart:
    """One line of `helm list`. chart: with its version, e.g. `istiod-1.0.0`."""

    release: str
    namespace: str
    chart: str
    revision: str
    status: str


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """Everything the report judges. objects: kind -> how many carry the lab's field manager."""

    charts: tuple[InstalledChart, ...]
    objects: dict[str, int]
    preflight: tuple[Result, ...]


def inspect(plane: ControlPlane, settings: Settings, *, endpoint_url: str) -> Inspection:
    """Reads all of it."""
    objects = Objects(api=plane.api)
    try:
        return Inspection(
            charts=installed_charts(Helm(plane=plane, objects=objects)),
            objects=applied_objects(objects),
            preflight=run(
                settings,
                gather(settings, session_of(settings, endpoint_url), endpoint_url),
                Occasion(now=datetime.now(UTC), sidecars=sidecars(objects.listed("v1", "Pod"))),
                [check for check in CHECKS if check not in _NOT_HERE],
            ),
        )
    finally:
        objects.close()


def installed_charts(helm: Helm) -> tuple[InstalledChart, ...]:
    return tuple(
        InstalledChart(
            release=entry["name"],
            namespace=entry["namespace"],
            chart=entry["chart"],
            revision=str(entry["revision"]),
            status=entry["status"],
        )
        for entry in helm.releases()
    )


def applied_objects(objects: Objects) -> dict[str, int]:
    """kind -> count, sorted. An object that several API versions serve is counted once."""
    seen: dict[str, str] = {}
    for resource in objects.resources():
        for item in objects.applied(resource):
            seen[item["metadata"]["uid"]] = resource.kind
    return dict(sorted(Counter(seen.values()).items()))

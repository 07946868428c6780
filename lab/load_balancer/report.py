"""What load balancers are played, as a file beside the lab's other state: for the engine, for `lab up`, for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.files import replace
from lab.waiting import until


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One load balancer, or why it is not played.

    source:  `Ingress <namespace>/<name>`; host: its DNS name in the account
    address: where it listens, empty if it does not; ports: on that address
    refused: what of it the lab does not play; what it was before may be served all the same
    targets: `<address>:<port>` -> initial, healthy or unhealthy
    """

    source: str
    host: str = ""
    address: str = ""
    ports: tuple[int, ...] = ()
    refused: str = ""
    targets: Mapping[str, str]

    def __str__(self) -> str:
        if self.refused:
            return f"stand-in for {self._what}: {self.source} NOT PLAYED: {self.refused}"
        healthy = sum(1 for health in self.targets.values() if health == "healthy")
        ports = ", ".join(map(str, self.ports))
        counted = f"{healthy} of {len(self.targets)} targets healthy"
        return f"stand-in for {self._what}: {self.source} at {self.address}, ports {ports}, {counted}"

    @property
    def _what(self) -> str:
        return "an ALB" if self.source.startswith("Ingress") else "an NLB"


def source_of(document: Mapping[str, Any]) -> str:
    """`Ingress <namespace>/<name>`: how reports and errors call an object."""
    metadata = document["metadata"]
    return f"{document['kind']} {metadata['namespace']}/{metadata['name']}"


def directory(root: Path) -> Path:
    """Envoy's own directory below a lab's state."""
    return root / "load-balancers"


def certificates(root: Path) -> Path:
    """Where the served certificates and their keys are."""
    return directory(root) / "certificates"


def path(root: Path) -> Path:
    return directory(root) / "report.json"


def hosts(root: Path) -> Path:
    """`addresses` as a file, for programs that know nothing of this one."""
    return directory(root) / "hosts.json"


def write(root: Path, standings: tuple[Standing, ...]) -> None:
    replace(path(root), [asdict(standing) for standing in standings])
    replace(hosts(root), {standing.host: standing.address for standing in standings if standing.address})


def read(root: Path) -> tuple[Standing, ...]:
    """All load balancers of a lab; none if nobody has looked yet, or one of another version."""
    try:
        entries = json.loads(path(root).read_text(encoding="utf-8"))
        return tuple(
            Standing(
                source=entry["source"],
                host=entry["host"],
                address=entry["address"],
                ports=tuple(entry["ports"]),
                refused=entry["refused"],
                targets=entry["targets"],
            )
            for entry in entries
        )
    except (FileNotFoundError, KeyError):
        return ()


def addresses(root: Path) -> dict[str, str]:
    """DNS name of each load balancer -> the address at which the lab has it. On AWS this is DNS."""
    return {standing.host: standing.address for standing in read(root) if standing.address}


def await_served(root: Path, source: str, *, seconds: float = 60.0) -> Standing:
    """Waits until the load balancer of an object is served. Raises LabError: not played here, or not in time."""

    def served() -> Standing | None:
        found = next((each for each in read(root) if each.source == source), None)
        if found is not None and found.refused:
            raise LabError(f"{source}: the lab does not play its load balancer: {found.refused}")
        return found if found is not None and found.address else None

    log = f"their log is {root / 'logs'}/load-balancers-reader.log"
    return until(served, seconds=seconds, what=f"the load balancer of {source} to be played", seen=lambda: log)


def await_healthy(root: Path, *, seconds: float = 120.0) -> tuple[Standing, ...]:
    """Waits until every load balancer has targets and all are healthy. Raises LabError that names the others."""

    def sick() -> list[Standing]:
        return [s for s in read(root) if s.refused or not s.targets or set(s.targets.values()) != {"healthy"}]

    what = "every load balancer to have healthy targets"
    until(lambda: not sick(), seconds=seconds, what=what, seen=lambda: "; ".join(map(str, sick())))
    return read(root)

"""What the stand-in last did, as a file beside the lab's other state: for the engine, for `lab up`, for people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.files import replace
from lab.waiting import until

HOSTS = {"Ingress": "alb.stand-in.lab.invalid", "Service": "nlb.stand-in.lab.invalid"}
"""Kind -> the host name in its status. No name server knows it, and none ever may; the address is beside it."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One load balancer, or why there is none.

    source:  `Ingress <namespace>/<name>`; wish: what it asked for when it was looked at (`wish_of`)
    address: where it listens, empty if it does not; ports: on that address
    refused: why the newest wish was refused, as `<reason>: <text>`; the one before may be served all the same
    targets: `<address>:<port>` -> initial, healthy or unhealthy
    """

    source: str
    wish: str
    address: str = ""
    ports: tuple[int, ...] = ()
    refused: str = ""
    targets: Mapping[str, str]

    def __str__(self) -> str:
        if self.refused:
            return f"stand-in for {self._what}: {self.source} REFUSED: {self.refused}"
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
    """The stand-in's own directory below a lab's state."""
    return root / "load-balancers"


def certificates(root: Path) -> Path:
    """Where the served certificates and their keys are."""
    return directory(root) / "certificates"


def path(root: Path) -> Path:
    return directory(root) / "report.json"


def write(root: Path, standings: tuple[Standing, ...]) -> None:
    replace(path(root), [asdict(standing) for standing in standings])


def read(root: Path) -> tuple[Standing, ...]:
    """All load balancers of a lab; none if the stand-in has not looked yet, or is one of another version."""
    try:
        entries = json.loads(path(root).read_text(encoding="utf-8"))
        return tuple(
            Standing(
                source=entry["source"],
                wish=entry["wish"],
                address=entry["address"],
                ports=tuple(entry["ports"]),
                refused=entry["refused"],
                targets=entry["targets"],
            )
            for entry in entries
        )
    except (FileNotFoundError, KeyError):
        return ()


def wish_of(document: Mapping[str, Any]) -> str:
    """A digest of what an object asks for. Not its generation, which a change of annotations leaves as it is."""
    asked = [document["metadata"].get("annotations") or {}, document["spec"]]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def await_served(root: Path, document: Mapping[str, Any], *, seconds: float = 60.0) -> Standing:
    """Waits until what a live object asks for is served. Raises LabError: refused, or not in time."""
    source, wish = source_of(document), wish_of(document)

    def served() -> Standing | None:
        found = next((each for each in read(root) if (each.source, each.wish) == (source, wish)), None)
        if found is not None and found.refused:
            raise LabError(f"the stand-in for the load balancer controller refused {source}: {found.refused}")
        return found if found is not None and found.address else None

    what = f"an address of {source} from the stand-in for the load balancer controller"
    log = f"its log is {root / 'logs'}/load-balancer-controller.log"
    return until(served, seconds=seconds, what=what, seen=lambda: log)


def await_healthy(root: Path, *, seconds: float = 120.0) -> tuple[Standing, ...]:
    """Waits until every load balancer has targets and all are healthy. Raises LabError that names the others."""

    def sick() -> list[Standing]:
        return [s for s in read(root) if s.refused or not s.targets or set(s.targets.values()) != {"healthy"}]

    what = "every load balancer to have healthy targets"
    until(lambda: not sick(), seconds=seconds, what=what, seen=lambda: "; ".join(map(str, sick())))
    return read(root)

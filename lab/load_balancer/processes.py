"""The two processes, the Envoy and what configures it from the account, and what they are started for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.cluster import processes
from lab.cluster.control_plane import ControlPlane
from lab.cluster.processes import Command, Process, python
from lab.load_balancer import report
from lab.load_balancer.proxy import Proxy
from lab.state import State

ENVOY = "load-balancers"
READER = "load-balancers-reader"
NAMES = frozenset({ENVOY, READER})


@dataclass(frozen=True, kw_only=True)
class Purpose:
    """Whose load balancers these are: the region, and where its AWS answers. code: this room's."""

    region: str
    endpoint_url: str
    code: str


def start(plane: ControlPlane, *, region: str, endpoint_url: str) -> None:
    """The load balancers of this lab's account, unless they run. Raises LabError if one does not come up."""
    purpose = Purpose(region=region, endpoint_url=endpoint_url, code=_code())
    state, proxy = plane.state, _proxy(plane.state)
    if state.alive().keys() >= NAMES and purpose_of(state) == purpose and proxy.ready():
        return
    stop(state)
    proxy.prepare()
    report.write(state.root, ())
    _note(state).write_text(json.dumps(asdict(purpose)), encoding="utf-8")
    processes.start(plane, PROCESSES)


def stop(state: State) -> None:
    """Stops what runs of it."""
    processes.stop(state, PROCESSES)


def purpose_of(state: State) -> Purpose | None:
    """What the load balancers of a lab were last started for; None if never, or by another version of this."""
    try:
        return Purpose(**json.loads(_note(state).read_text(encoding="utf-8")))
    except (FileNotFoundError, TypeError):
        return None


def _envoy(plane: ControlPlane) -> Command:
    return _proxy(plane.state).command()


def _reader(plane: ControlPlane) -> Command:
    return python("lab.load_balancer", plane.state.root)


def _proxy(state: State) -> Proxy:
    return Proxy(directory=report.directory(state.root))


def _note(state: State) -> Path:
    return report.directory(state.root) / "started.json"


def _code() -> str:
    """A digest of this room: with another one it is started anew."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).resolve().parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


PROCESSES: tuple[Process, ...] = (
    Process(
        name=ENVOY, part="ALB and NLB", command=_envoy, ready=lambda plane: _proxy(plane.state).ready(), seconds=30.0
    ),
    # Not waited for: whoever asks for a load balancer waits until it is served.
    Process(name=READER, part="what ALB and NLB are told", command=_reader, after=(ENVOY,)),
)

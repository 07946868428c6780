"""Starts the stand-in's two processes, unless they run: the Envoy, and the controller's part."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from lab.cluster import processes
from lab.cluster.control_plane import ControlPlane
from lab.load_balancer import report
from lab.load_balancer.proxy import Proxy

ENVOY = "load-balancers"
CONTROLLER = "load-balancer-controller"
_ROOT = Path(__file__).resolve().parent.parent.parent
_START_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Running:
    """reused: both ran before, for the same account."""

    reused: bool


def start(plane: ControlPlane, *, cluster: str, region: str, endpoint_url: str) -> Running:
    """The stand-in of this lab for this account. Raises LabError if it does not come up."""
    state = plane.state
    arguments = ["--state", str(state.root), "--cluster", cluster, "--region", region, "--endpoint", endpoint_url]
    note, wanted = report.directory(state.root) / "started.json", json.dumps([_code(), *arguments])
    proxy = Proxy(directory=report.directory(state.root))
    living = [record for record in state.records() if record.name in (ENVOY, CONTROLLER) and record.alive()]
    if len(living) == 2 and note.exists() and note.read_text(encoding="utf-8") == wanted and proxy.ready():
        return Running(reused=True)
    processes.stop(living)
    proxy.prepare()
    report.write(state.root, ())
    envoy = processes.start(state, ENVOY, proxy.command())
    log = processes.log_file(state, ENVOY)
    processes.wait_until("the load balancers' Envoy", proxy.ready, seconds=_START_SECONDS, watched=envoy, log=log)
    # Not waited for: whoever asks for a load balancer waits until it is served.
    controller = ["/usr/bin/env", f"PYTHONPATH={_ROOT}", "PYTHONDONTWRITEBYTECODE=1", sys.executable, "-m"]
    processes.start(state, CONTROLLER, [*controller, "lab.load_balancer", *arguments])
    note.write_text(wanted, encoding="utf-8")
    return Running(reused=False)


def _code() -> str:
    """A digest of the stand-in itself: with another one it is started anew."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).resolve().parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]

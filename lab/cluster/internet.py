"""The outside world's stand-in: one server that answers for every public address and every name.

Nothing of the lab reaches the internet. What a pod sends there arrives at this server instead, unless the mesh blocks
it; so that it is blocked is the mesh's doing. Its certificates are issued by an authority of its own, which images
trust if their row in the lab's table has the bundle at `BUNDLE_TARGET`.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from lab.cluster import network, processes
from lab.state import NetworkRecord, State

NAME = "outside"
HTTP_PORT = 80
HTTPS_PORT = 443
BUNDLE_TARGET = "/etc/ssl/certs/ca-certificates.crt"
"""Where a container finds the authorities it trusts, on Debian and most images."""
_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 20.0
_ANSWER_SECONDS = 1.0


def authority(state: State) -> Path:
    """The certificate of the outside world's own authority."""
    return state.certificates / f"{NAME}-ca.crt"


def bundle(state: State) -> Path:
    """The machine's authorities and the outside world's: what an image of the lab trusts."""
    return state.certificates / f"{NAME}-bundle.crt"


def start(state: State, record: NetworkRecord) -> subprocess.Popen[bytes]:
    """Starts the server in a namespace of its own; it listens once `connect` has given it its address."""
    command = ["/usr/bin/env", f"PYTHONPATH={_ROOT}", "PYTHONDONTWRITEBYTECODE=1", sys.executable, "-m"]
    arguments = ["lab.cluster.internet_server", record.outside, state.certificates]
    return processes.start(state, NAME, ["unshare", "--net", *command, *arguments])


def connect(
    state: State, record: NetworkRecord, process: subprocess.Popen[bytes], node: subprocess.Popen[bytes]
) -> None:
    """Makes it what is beyond the node; returns when it answers. Raises LabError."""
    network.connect_outside(record, process, node)
    processes.wait_until(
        NAME,
        lambda: _answers(record),
        seconds=_START_SECONDS,
        watched=process,
        log=processes.log_file(state, NAME),
    )


def _answers(record: NetworkRecord) -> bool:
    # This port is opened last, and a connection that says nothing leaves no line in its log.
    try:
        socket.create_connection((record.outside, HTTP_PORT), timeout=_ANSWER_SECONDS).close()
    except OSError:
        return False
    return True

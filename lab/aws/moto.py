"""The stand-in for AWS: a moto server as one of the lab's processes. Its resources live in that process's memory."""

from __future__ import annotations

import socket
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass

from lab.cluster import processes
from lab.state import State
from offline.made_up import ACCOUNT

PROCESS = "moto"
ADDRESS = "127.0.0.1"
_START_SECONDS = 60.0
_ANSWER_SECONDS = 20.0

# AWS's managed policies are only loaded on demand; ACM issues as soon as it is asked again.
_ENVIRONMENT = (
    f"MOTO_ACCOUNT_ID={ACCOUNT}",
    "MOTO_IAM_LOAD_MANAGED_POLICIES=true",
    "MOTO_ACM_VALIDATION_WAIT=0",
    "PYTHONUNBUFFERED=1",
)


@dataclass(frozen=True, kw_only=True)
class Stand:
    """A running moto server. identity: of the process, so that another one's memory is not taken for it."""

    endpoint_url: str
    identity: str
    reused: bool


def start(state: State) -> Stand:
    """The moto server of the lab, started unless it runs. Raises LabError if it does not come up."""
    note = state.root / "aws-endpoint"
    living = [record for record in state.records() if record.name == PROCESS and record.alive()]
    if living and note.exists():
        endpoint = note.read_text(encoding="utf-8")
        if _answers(endpoint):
            return Stand(endpoint_url=endpoint, identity=_identity(state), reused=True)
    # One that runs and does not answer is of no use, and its record is about to be written over.
    processes.stop(living)
    endpoint = f"http://{ADDRESS}:{_free_port()}"
    note.write_text(endpoint, encoding="utf-8")
    port = endpoint.rpartition(":")[2]
    command = ["/usr/bin/env", *_ENVIRONMENT, sys.executable, "-m", "moto.server", "-H", ADDRESS, "-p", port]
    process = processes.start(state, PROCESS, command)
    processes.wait_until(
        "moto",
        lambda: _answers(endpoint),
        seconds=_START_SECONDS,
        watched=process,
        log=processes.log_file(state, PROCESS),
    )
    return Stand(endpoint_url=endpoint, identity=_identity(state), reused=False)


def endpoint_of(state: State) -> str | None:
    """Where the running lab's stand-in answers; None if it does not run."""
    note = state.root / "aws-endpoint"
    return note.read_text(encoding="utf-8") if _identity(state) and note.exists() else None


def _identity(state: State) -> str:
    for record in state.records():
        if record.name == PROCESS and record.alive():
            return f"{record.pid}-{record.started}"
    return ""


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((ADDRESS, 0))
        return probe.getsockname()[1]


def _answers(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(f"{endpoint}/moto-api/config", timeout=_ANSWER_SECONDS) as response:
            return response.status in (200, 201)
    except (urllib.error.URLError, OSError):
        return False

"""The stand-in for AWS: a moto server as one of the lab's processes. Its resources live in that process's memory."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from dataclasses import dataclass
from urllib.parse import urlsplit

from lab.cluster import processes
from lab.cluster.control_plane import AWS_PORT, ControlPlane, aws_endpoint
from lab.cluster.processes import Command, Process
from lab.state import State
from offline.made_up import ACCOUNT

NAME = "moto"
ADDRESS = "127.0.0.1"
_NOTE = "aws-endpoint"
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


def start(plane: ControlPlane) -> Stand:
    """The moto server of the lab, started unless it runs. Raises LabError if it does not come up."""
    endpoint = endpoint_of(plane.state)
    reused = endpoint is not None and _answers(endpoint)
    if not reused:
        # One that runs and does not answer is of no use, and its record is about to be written over.
        stop(plane.state)
        endpoint = f"http://{ADDRESS}:{_free_port()}"
        (plane.state.root / _NOTE).write_text(endpoint, encoding="utf-8")
        processes.start(plane, (PROCESS,))
    return Stand(endpoint_url=endpoint or "", identity=_identity(plane.state), reused=reused)


def stop(state: State) -> None:
    """Stops it, if it runs."""
    processes.stop(state, (PROCESS,))


def endpoint_of(state: State) -> str | None:
    """Where the running lab's stand-in answers; None if it does not run."""
    return _noted(state) or None if _identity(state) else None


def _noted(state: State) -> str:
    note = state.root / _NOTE
    return note.read_text(encoding="utf-8") if note.exists() else ""


def _identity(state: State) -> str:
    record = state.alive().get(NAME)
    return f"{record.pid}-{record.started}" if record else ""


def _command(plane: ControlPlane) -> Command:
    ours, pods = _noted(plane.state), aws_endpoint(plane.network)
    command, *rest = processes.python("lab.aws.moto_server", *(urlsplit(url).netloc for url in (ours, pods)))
    return ["/usr/bin/env", *_ENVIRONMENT, command, *rest]


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


PROCESS = Process(
    name=NAME,
    part="the stand-in for AWS",
    ports=(AWS_PORT,),
    command=_command,
    ready=lambda plane: _answers(_noted(plane.state)),
    where=_noted,
)

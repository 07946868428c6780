"""The generator: fortio's runners (lab/toolchain/cmd/load) on this machine or inside the pod that is there for it.

Inside the pod it is started in that pod's namespaces and not by `kubectl exec`, whose connection would end with the API
server's.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from lab.cluster.control_plane import ControlPlane
from lab.errors import LabError
from lab.node import control_groups
from lab.reliability.requests import Request

_POD_COMMAND = b"/load\0idle\0"
_POD_USER = "10001"
# The end of it in any case.
LONGEST_SECONDS = 1500.0
_ENDING_SECONDS = 30.0
_SAID_LINES = 5

Place = Literal["load balancer", "pod"]


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Requests of one kind at a steady rate.

    place:       where they come in: this machine asks the load balancer, the pod asks the application's Service
    url:         of gRPC `host:port`
    rate:        requests a second, over all connections
    reuse:       after how many requests at most a connection of HTTP/1.1 is replaced by a new one; 0 is never
    resolve:     the address to connect to in place of the URL's host; ca_cert: a file with the authorities
    """

    name: str
    place: Place
    protocol: Literal["http1", "http2", "grpc"]
    url: str
    rate: float
    connections: int = 1
    reuse: int = 0
    resolve: str = ""
    ca_cert: str = ""

    def document(self) -> Mapping[str, object]:
        """As the generator reads it."""
        values = asdict(self)
        del values["place"]
        values["caCert"] = values.pop("ca_cert")
        return values


@dataclass(kw_only=True)
class Load:
    """requests: there when the load has ended. said: what the generator wrote of what went wrong, last lines first."""

    requests: list[Request] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


@contextmanager
def running(plane: ControlPlane, streams: Sequence[Stream]) -> Generator[Load]:
    """The load runs while the block does. Raises LabError if a generator cannot start or ends before its time."""
    load = Load()
    started = [
        _Generator(command, [stream for stream in streams if stream.place == place])
        for place, command in (("load balancer", _here(plane)), ("pod", _in_pod(plane)))
        if any(stream.place == place for stream in streams)
    ]
    try:
        yield load
    finally:
        for generator in started:
            generator.end(load)
    if problems := [problem for generator in started if (problem := generator.problem)]:
        raise LabError("; ".join(problems))


class _Generator:
    """One process. Its output is read as it comes, or the pipe would hold it up."""

    def __init__(self, command: Sequence[str], streams: Sequence[Stream]) -> None:
        self.problem = ""
        self._lines: list[str] = []
        self._errors: list[str] = []
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._readers = [
            threading.Thread(target=self._lines.extend, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._errors.extend, args=(self._process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        plan = {"seconds": LONGEST_SECONDS, "streams": [stream.document() for stream in streams]}
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(plan)}\n")
        self._process.stdin.flush()

    def end(self, load: Load) -> None:
        assert self._process.stdin is not None
        early = self._process.poll() is not None
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            early = True
        try:
            self._process.wait(timeout=_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            self.problem = f"the generator did not end within {_ENDING_SECONDS:.0f} s"
        for reader in self._readers:
            reader.join()
        load.requests += [Request(**json.loads(line)) for line in self._lines if line.endswith("}\n")]
        load.said += [line.strip() for line in reversed(self._errors)]
        if early or self._process.returncode != 0:
            words = " ".join(line.strip() for line in self._errors[-_SAID_LINES:])
            self.problem = self.problem or f"the generator ended with {self._process.returncode}: {words}"


def _here(plane: ControlPlane) -> list[str]:
    return [str(plane.toolchain.bin("load")), "ask"]


def _in_pod(plane: ControlPlane) -> list[str]:
    enter = ["nsenter", f"--target={_pod_process(plane)}", "--net", "--mount", f"--setuid={_POD_USER}"]
    return [*enter, f"--setgid={_POD_USER}", "--", "/load", "ask"]


def _pod_process(plane: ControlPlane) -> int:
    """The idle process of the generator's pod. Raises LabError."""
    for pid in control_groups.processes(plane.state):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if command == _POD_COMMAND:
            return pid
    raise LabError("the pod of the generator does not run")

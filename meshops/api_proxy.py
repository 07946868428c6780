"""The API server behind `kubectl proxy`: with the kubeconfig's credentials, whatever kind they are, and one connection
for a hundred requests, each of which would otherwise start kubectl anew."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshops.tools import ToolError, Tools

_START_SECONDS = 20.0
# The API server itself gives up reaching a pod after 30 s (client-go's dial timeout), and then says so.
_ANSWER_SECONDS = 60.0
_IN_FORCE_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class Reply:
    """message, reason: the API server's words, empty where it says none."""

    status: int
    message: str = ""
    reason: str = ""


class ApiProxy:
    """A context manager. Listens on a socket in a directory that only this user may enter: behind it nobody is asked
    who he is. May be asked in several threads, each over a connection of its own."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._directory = tempfile.TemporaryDirectory(prefix="meshops-")
        self._socket = Path(self._directory.name) / "api"
        self._connections = threading.local()

    def __enter__(self) -> ApiProxy:
        """Raises ToolError."""
        program = shutil.which(self._tools.kubectl)
        if program is None:
            raise ToolError(f"{self._tools.kubectl} is not on the PATH: install it, or say where it is")
        environment = dict(os.environ)
        if self._tools.kubeconfig is not None:
            environment["KUBECONFIG"] = str(self._tools.kubeconfig)
        self._process = subprocess.Popen(
            # It rejects exec and attach by itself; here the API server is asked.
            [program, "proxy", f"--unix-socket={self._socket}", "--reject-paths=^$"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        deadline = time.monotonic() + _START_SECONDS
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise ToolError("kubectl proxy did not start")
            time.sleep(0.05)
        return self

    def _listens(self) -> bool:
        """Its file is there before anybody listens on it."""
        attempt = _Connection(self._socket)
        try:
            attempt.connect()
        except OSError:
            return False
        finally:
            attempt.close()
        return True

    def __exit__(self, *problem: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._directory.cleanup()

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> Reply:
        """Raises ToolError if there is no answer."""
        payload = b"" if body is None else json.dumps(body).encode()
        connection = self._connection()
        try:
            connection.putrequest(method, path)
            connection.putheader("Content-Type", content_type)
            connection.putheader("Content-Length", str(len(payload)))
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders(payload)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as problem:
            connection.close()
            raise ToolError(f"{method} {path}: {problem!r}") from problem
        return Reply(status=answer.status) if answer.status < 300 else _refusal(answer.status, text)

    def await_access(self, namespace: str, headers: tuple[tuple[str, str], ...]) -> None:
        """Until whoever these headers impersonate may read Deployments: the API server's authorizer learns of a new
        binding a moment after it was made. Raises ToolError."""
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments?limit=1"
        until = time.monotonic() + _IN_FORCE_SECONDS
        while (reply := self.ask("GET", path, headers=headers)).status >= 300:
            if time.monotonic() > until:
                raise ToolError(f"a new binding was not in force after {_IN_FORCE_SECONDS:.0f} s: {reply.message}")
            time.sleep(0.1)

    def _connection(self) -> _Connection:
        if not hasattr(self._connections, "own"):
            self._connections.own = _Connection(self._socket)
        found: _Connection = self._connections.own
        return found


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_ANSWER_SECONDS)
        self.sock.connect(str(self._path))


def _refusal(status: int, text: bytes) -> Reply:
    try:
        said = json.loads(text)
        return Reply(status=status, message=str(said["message"]), reason=str(said.get("reason", "")))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Reply(status=status, message=text.decode(errors="replace").strip()[:300])

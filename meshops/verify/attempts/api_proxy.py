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
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from meshops.tools import ToolError, Tools

_SECONDS = 30.0


class ApiProxy:
    """A context manager. Listens on a socket in a directory that only this user may enter."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._directory = tempfile.TemporaryDirectory(prefix="meshops-")
        self._socket = Path(self._directory.name) / "api"

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
        deadline = time.monotonic() + _SECONDS
        while not self._socket.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise ToolError("kubectl proxy did not start")
            time.sleep(0.05)
        self._connection = _Connection(self._socket)
        return self

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
    ) -> tuple[int, str]:
        """HTTP's status, and the API server's words where it is no success. Raises ToolError."""
        payload = b"" if body is None else json.dumps(body).encode()
        try:
            self._connection.putrequest(method, path)
            self._connection.putheader("Content-Type", content_type)
            self._connection.putheader("Content-Length", str(len(payload)))
            for name, value in headers:
                self._connection.putheader(name, value)
            self._connection.endheaders(payload)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as problem:
            self._connection.close()
            raise ToolError(f"{method} {path}: {problem!r}") from problem
        return answer.status, "" if answer.status < 300 else _message(text)


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_SECONDS)
        self.sock.connect(str(self._path))


def _message(text: bytes) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text.decode(errors="replace").strip()[:300]

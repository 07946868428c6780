"""Documents for the API server as somebody else, without keeping them: a request each, and not a kubectl each."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from meshops.attack.model import Answer
from meshops.tools import ToolError, Tools

_START_SECONDS = 20.0
_ANSWER_SECONDS = 40.0
# Kind -> its resource, where that is not the kind in small letters with an s.
_IRREGULAR = {
    "Gateway": "gateways",
    "NetworkPolicy": "networkpolicies",
    "AuthorizationPolicy": "authorizationpolicies",
    "ServiceEntry": "serviceentries",
    "WorkloadEntry": "workloadentries",
    "Telemetry": "telemetries",
    "Ingress": "ingresses",
}


class ApiProxy:
    """`kubectl proxy` on a socket in a directory of our own: it knows how to authenticate, wherever the cluster is.

    A context manager. Raises ToolError.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ApiProxy:
        program = shutil.which(self._tools.kubectl)
        if program is None:
            raise ToolError(f"{self._tools.kubectl} is not on the PATH: install it, or say where it is")
        environment = dict(os.environ)
        if self._tools.kubeconfig is not None:
            environment["KUBECONFIG"] = str(self._tools.kubeconfig)
        # Its mode is 0700: nobody else of this machine reaches the socket, behind which nobody is asked who he is.
        self._directory = tempfile.TemporaryDirectory(prefix="meshops-attack-")
        self._process = subprocess.Popen(
            [program, "proxy", f"--unix-socket={self._socket}"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_SECONDS
        while not self._socket.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise ToolError("kubectl proxy did not start")
            time.sleep(0.05)
        return self

    def __exit__(self, *problem: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)
        if self._directory is not None:
            self._directory.cleanup()

    @property
    def _socket(self) -> Path:
        assert self._directory is not None
        return Path(self._directory.name) / "api"

    def created(self, document: Mapping[str, Any], user: str, groups: Sequence[str]) -> Answer:
        """What the API server and all of its admission say to it; nothing is kept."""
        headers = [("Impersonate-User", user), *(("Impersonate-Group", group) for group in groups)]
        try:
            status, body = self._post(f"{path_of(document)}?dryRun=All&fieldValidation=Strict", document, headers)
        except OSError as problem:
            return Answer(unavailable=f"the API server gave no answer: {problem}")
        if status < 400:
            return Answer(ended="ok", received=f"{document['kind']} taken (dry run)".encode())
        return Answer(ended="refused", error=f"Error from server ({body.get('reason', status)}): {body.get('message')}")

    def _post(
        self, path: str, document: Mapping[str, Any], headers: Sequence[tuple[str, str]]
    ) -> tuple[int, Mapping[str, Any]]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_ANSWER_SECONDS)
            connection.connect(str(self._socket))
            client = http.client.HTTPConnection("localhost")
            client.sock = connection
            body = json.dumps(document).encode()
            client.putrequest("POST", path)
            for name, value in (*headers, ("Content-Type", "application/json"), ("Content-Length", str(len(body)))):
                client.putheader(name, value)
            client.endheaders(body)
            answer = client.getresponse()
            text = answer.read()
            try:
                return answer.status, json.loads(text)
            except ValueError:
                return answer.status, {"message": text[:200].decode(errors="replace")}


def path_of(document: Mapping[str, Any]) -> str:
    """Where one of its kind is created."""
    version, kind = document["apiVersion"], document["kind"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    resource = _IRREGULAR.get(kind, f"{kind.lower()}s")
    return f"{root}/namespaces/{document['metadata']['namespace']}/{resource}"

"""The few questions that the lab itself asks the API server, over the certificates it made."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.cluster.certificates import KeyPair

_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class ApiServer:
    """How to reach the API server as its administrator."""

    address: str
    port: int
    authority: Path
    client: KeyPair

    @property
    def url(self) -> str:
        """For a kubeconfig."""
        return f"https://{self.address}:{self.port}"

    def get(self, path: str) -> tuple[int, str]:
        """Status and body; status 0 while nothing answers."""
        try:
            connection = self._connection(_TIMEOUT_SECONDS)
            try:
                connection.request("GET", path, headers={"Accept": "application/json"})
                response = connection.getresponse()
                return response.status, response.read().decode()
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as problem:
            return 0, str(problem)

    def document(self, path: str) -> dict[str, Any] | None:
        """An object, or None if there is none or nothing answers."""
        status, body = self.get(path)
        return json.loads(body) if status == http.client.OK else None

    def ready(self) -> bool:
        """Whether /readyz says ok."""
        return self.get("/readyz") == (http.client.OK, "ok")

    def lines(self, path: str) -> Iterator[str]:
        """The lines of an answer as they come, however long that takes; an answer other than 200 is one line.

        Raises OSError when the connection breaks.
        """
        connection = self._connection(None)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            if response.status != http.client.OK:
                # The API server says why in a Status object, the kubelet behind it in plain words.
                said = response.read().decode(errors="replace")
                yield f"({json.loads(said).get('message', response.reason) if said.startswith('{') else said.strip()})"
                return
            for line in response:
                yield line.decode(errors="replace").rstrip("\n")
        except http.client.HTTPException as problem:
            raise OSError(str(problem) or type(problem).__name__) from problem
        finally:
            connection.close()

    def _connection(self, timeout: float | None) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=str(self.authority))
        context.load_cert_chain(self.client.certificate, self.client.key)
        return http.client.HTTPSConnection(self.address, self.port, timeout=timeout, context=context)

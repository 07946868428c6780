"""The few questions that the lab itself asks the API server, over the certificates it made."""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.certificates import KeyPair

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
            context = ssl.create_default_context(cafile=str(self.authority))
            context.load_cert_chain(self.client.certificate, self.client.key)
            connection = http.client.HTTPSConnection(self.address, self.port, timeout=_TIMEOUT_SECONDS, context=context)
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

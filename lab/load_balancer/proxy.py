"""The one Envoy that plays every load balancer of the lab: its files, its command line, its own account of itself.

Envoy watches the files; each is replaced by a move, which is what it watches for.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lab.errors import LabError
from lab.files import replace
from lab.images import catalogue

Document = dict[str, Any]
Health = Literal["initial", "healthy", "unhealthy"]

# sun_path of a Unix socket, less its final zero.
_LONGEST_SOCKET = 107
_ASK_SECONDS = 3.0


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """Envoy's files below a directory. Making one changes nothing on disk."""

    directory: Path

    @property
    def listeners(self) -> Path:
        return self.directory / "listeners.json"

    @property
    def clusters(self) -> Path:
        return self.directory / "clusters.json"

    @property
    def admin(self) -> Path:
        """A Unix socket: nobody but root reaches Envoy's administration."""
        return self.directory / "admin.sock"

    def endpoints(self, group: str) -> Path:
        return self.directory / f"endpoints-{group}.json"

    def prepare(self) -> None:
        """Makes the directory and a configuration without a listener."""
        if len(str(self.admin)) > _LONGEST_SOCKET:
            raise LabError(
                f"{self.admin} is too long for a socket ({_LONGEST_SOCKET} characters at most): "
                "give the lab a shorter state directory (ZTM_LAB_STATE)"
            )
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.admin.unlink(missing_ok=True)
        replace(self.listeners, resources(()))
        replace(self.clusters, resources(()))
        replace(self.directory / "bootstrap.json", self._bootstrap())

    def command(self) -> list[str]:
        """Envoy's command line."""
        return [
            str(catalogue.envoy()),
            "--config-path",
            str(self.directory / "bootstrap.json"),
            # Nothing takes over from it, so it needs no shared memory, which would meet another lab's.
            "--disable-hot-restart",
            "--concurrency",
            "1",
            "--log-level",
            "warning",
            # What a replaced listener still has is done by then.
            "--drain-time-s",
            "30",
            # The access log is read by people who have just sent a request.
            "--file-flush-interval-msec",
            "200",
        ]

    def apply(
        self, *, listeners: Iterable[Document], clusters: Iterable[Document], endpoints: Iterable[Document]
    ) -> None:
        """Makes the files say this, and touches none that says it already.

        Endpoints first and listeners last: what is named exists by then.
        """
        for document in endpoints:
            replace(self.endpoints(document["cluster_name"]), resources((document,)))
        replace(self.clusters, resources(clusters))
        replace(self.listeners, resources(listeners))

    def ready(self) -> bool:
        return self._ask("/ready")[0] == http.client.OK

    def health(self, group: str) -> dict[str, Health]:
        """`<address>:<port>` -> how Envoy sees the target; empty while it does not answer."""
        status, body = self._ask("/clusters?format=json")
        if status != http.client.OK:
            return {}
        for cluster in json.loads(body).get("cluster_statuses", ()):
            if cluster["name"] == group:
                return {_address(host): _health(host) for host in cluster.get("host_statuses", ())}
        return {}

    def listens(self, balancer: str, count: int) -> bool:
        """Whether so many listeners of a load balancer are open."""
        status, body = self._ask("/listeners?format=json")
        if status != http.client.OK:
            return False
        names = [entry["name"] for entry in json.loads(body).get("listener_statuses", ())]
        return sum(1 for name in names if name.startswith(f"{balancer}_")) >= count

    def rejected(self, balancer: str) -> str:
        """Why Envoy did not take the newest listeners of a load balancer; empty if it did."""
        status, body = self._ask("/config_dump?resource=dynamic_listeners")
        if status != http.client.OK:
            return ""
        for state in json.loads(body).get("configs", ()):
            problem = (state.get("error_state") or {}).get("details")
            if problem and str(state.get("name", "")).startswith(f"{balancer}_"):
                return str(problem)
        return ""

    def _bootstrap(self) -> Document:
        return {
            "node": {"id": "stand-in-load-balancers", "cluster": "zero-trust-mesh-lab"},
            "admin": {"address": {"pipe": {"path": str(self.admin), "mode": 0o600}}},
            "dynamic_resources": {
                "lds_config": {"path_config_source": {"path": str(self.listeners)}, "resource_api_version": "V3"},
                "cds_config": {"path_config_source": {"path": str(self.clusters)}, "resource_api_version": "V3"},
            },
        }

    def _ask(self, path: str) -> tuple[int, str]:
        connection = _UnixConnection(self.admin)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException) as problem:
            return 0, str(problem)
        finally:
            connection.close()


def resources(documents: Iterable[Document]) -> Document:
    """A discovery response."""
    return {"resources": list(documents)}


def _address(host: Document) -> str:
    where = host["address"]["socket_address"]
    return f"{where['address']}:{where['port_value']}"


def _health(host: Document) -> Health:
    status = host.get("health_status", {})
    if status.get("pending_active_hc"):
        return "initial"
    return "unhealthy" if status.get("failed_active_health_check") else "healthy"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("stand-in", timeout=_ASK_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_ASK_SECONDS)
        self.sock.connect(str(self._path))

"""Bare Envoys that make the same TLS hops as the mesh, and nothing else: what the layers are compared with.

Three of them stand where load balancer, gateway and the application's sidecar do, a fourth where the caller's sidecar
does. Each is a process of its own on loopback, of as many workers as a sidecar has; the application is the same one.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.cluster.certificates import Authority, KeyPair
from lab.images import catalogue
from lab.waiting import until

Document = dict[str, Any]

NAME = "bare.lab.example.com"
_ADDRESS = "127.0.0.1"
_TYPES = "type.googleapis.com/envoy"
SIDECAR = 18445
"""The port of the last hop, which asks for a client's certificate."""
_BALANCER, _GATEWAY, _CALLER = 18443, 18444, 18446
_ADMIN = 1000
_START_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Bare:
    """whole_way: a URL through three Envoys; pod_to_pod: through two; authority: whom their certificates are of."""

    whole_way: str
    pod_to_pod: str
    authority: Path


@contextmanager
def running(directory: Path, application: tuple[str, int]) -> Generator[Bare]:
    """The Envoys, for as long as the block runs. Raises LabError."""
    authority = Authority(directory, "bare")
    pair = authority.issue("hop", NAME, names=(NAME,), server=True)
    hops = {
        SIDECAR: (_tls_in(pair, authority.certificate), application, None),
        _GATEWAY: (_tls_in(pair), (_ADDRESS, SIDECAR), _tls_out(pair)),
        _BALANCER: (_tls_in(pair), (_ADDRESS, _GATEWAY), _tls_out()),
        _CALLER: (None, (_ADDRESS, SIDECAR), _tls_out(pair)),
    }
    started: list[subprocess.Popen[bytes]] = []
    try:
        for port, (inside, target, outside) in hops.items():
            started.append(_start(directory, port, _envoy(port, inside, target, outside)))
        for port in hops:
            ready = ("curl", "--silent", "--fail", f"http://{_ADDRESS}:{port + _ADMIN}/ready")
            until(
                lambda ready=ready: subprocess.run(ready, capture_output=True, check=False).returncode == 0,
                seconds=_START_SECONDS,
                what=f"the bare Envoy at port {port}",
            )
        yield Bare(
            whole_way=f"https://{NAME}:{_BALANCER}/",
            pod_to_pod=f"http://{_ADDRESS}:{_CALLER}/",
            authority=authority.certificate,
        )
    finally:
        for process in started:
            process.kill()
            process.wait()


def _start(directory: Path, port: int, config: Document) -> subprocess.Popen[bytes]:
    path = directory / f"{port}.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    command = [str(catalogue.envoy()), "--config-path", str(path), "--disable-hot-restart", "--concurrency", "2"]
    return subprocess.Popen([*command, "--log-level", "critical"], stdin=subprocess.DEVNULL)


def _envoy(port: int, inside: Document | None, target: tuple[str, int], outside: Document | None) -> Document:
    manager = {
        "@type": f"{_TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "hop",
        "route_config": {
            "virtual_hosts": [
                {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "next"}}]}
            ]
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPES}.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    chain: Document = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    cluster: Document = {
        "name": "next",
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": "next",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _socket(*target)}}]}],
        },
    }
    if inside:
        chain["transport_socket"] = inside
    if outside:
        cluster["transport_socket"] = outside
    return {
        "admin": {"address": _socket(_ADDRESS, port + _ADMIN)},
        "static_resources": {
            "listeners": [{"name": "in", "address": _socket(_ADDRESS, port), "filter_chains": [chain]}],
            "clusters": [cluster],
        },
    }


def _socket(address: str, port: int) -> Document:
    return {"socket_address": {"address": address, "port_value": port}}


def _tls_in(pair: KeyPair, clients: Path | None = None) -> Document:
    """clients: whose certificates a client must show one of; none is asked for without."""
    common: Document = {"tls_certificates": [_files(pair)]}
    if clients:
        common["validation_context"] = {"trusted_ca": {"filename": str(clients)}}
    return _tls("Downstream", {"common_tls_context": common, "require_client_certificate": bool(clients)})


def _tls_out(pair: KeyPair | None = None) -> Document:
    """Not validated, as a load balancer does not; with a certificate of its own where one is shown."""
    return _tls("Upstream", {"common_tls_context": {"tls_certificates": [_files(pair)] if pair else []}})


def _tls(side: str, config: Document) -> Document:
    kind = f"{_TYPES}.extensions.transport_sockets.tls.v3.{side}TlsContext"
    return {"name": "envoy.transport_sockets.tls", "typed_config": {"@type": kind, **config}}


def _files(pair: KeyPair) -> Document:
    return {"certificate_chain": {"filename": str(pair.certificate)}, "private_key": {"filename": str(pair.key)}}

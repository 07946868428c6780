"""Traffic as it was recorded: proxies' access logs, connections on the node, and a file of requests. Not yet resolved.

A file's form is told line by line, so that one may hold several.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from meshops.verify.access_log import LogLine, parse_lines

Evidence = Literal["proxy", "connection", "recorded"]


class Unreadable(Exception):
    """A line of a record that should be readable is not; the message says which."""


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """One request or connection.

    client, server: a SPIFFE identity without its scheme, `namespace/application`, an address, or a host's name.
    port: of the server's container, or of the host outside. opaque: no request was seen in it.
    turned: client and server may be the wrong way round, since whoever recorded it cannot tell.
    refused: by a policy of the mesh.
    """

    evidence: Evidence
    client: str
    server: str
    port: int
    client_address: str = ""
    by_client: bool = False
    """Told by the client's own proxy."""
    method: str = ""
    path: str = ""
    authority: str = ""
    status: int = 0
    server_name: str = ""
    client_port: int = 0
    turned: bool = False
    refused: str = ""

    @property
    def opaque(self) -> bool:
        return not self.method


def read_lines(text: str, *, namespace: str = "", application: str = "") -> Iterator[Sighting]:
    """namespace, application: whose proxy wrote it, where the lines themselves do not say. Raises Unreadable."""
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        try:
            yield from _line(line, namespace, application)
        except (KeyError, ValueError, TypeError) as problem:
            raise Unreadable(f"line {number}: {problem!r} in {line[:120]}") from problem


def _line(line: str, namespace: str, application: str) -> Iterator[Sighting]:
    if '"response_flags"' in line:
        for found in parse_lines(line, namespace=namespace, application=application):
            yield from _logged(found)
    elif line.startswith("{") and (fields := json.loads(line)).keys() >= {"from", "to"}:
        yield _recorded(fields)
    elif "src=" in line and "dst=" in line:
        yield from _tracked(line)
    elif match := _SOCKETS.search(line):
        yield _socket(match)


def _logged(line: LogLine) -> Iterator[Sighting]:
    home = line.workload_namespace or line.namespace
    own = f"{home}/{line.application}" if line.application else f"{home}/{line.workload_pod}"
    direction, port, _, host = (*line.upstream_cluster.split("|"), "", "", "")[:4]
    refused = line.reason if "rbac_access_denied" in line.reason else ""
    common: dict[str, Any] = {
        "evidence": "proxy",
        "method": line.method,
        "path": line.path,
        "authority": line.authority,
        "status": line.response_code,
        "refused": refused,
    }
    address = line.downstream_remote_address.rpartition(":")[0].strip("[]")
    if direction == "inbound" or line.downstream_peer or refused:
        where = port or line.downstream_local_address.rpartition(":")[2]
        if where.isdigit():
            yield Sighting(
                client=line.downstream_peer or address,
                client_address=address,
                server=own,
                port=int(where),
                **common,
            )
    elif direction == "outbound":
        yield Sighting(client=own, server=host, port=int(port), by_client=True, **common)
    elif line.upstream_cluster in ("PassthroughCluster", "BlackHoleCluster"):
        target, _, number = line.downstream_local_address.rpartition(":")
        yield Sighting(
            client=own, server=target, port=int(number), server_name=line.server_name, by_client=True, **common
        )


def _recorded(fields: Mapping[str, Any]) -> Sighting:
    """`{"from": "shop/front", "to": "shop/cart", "port": 8080, "method": "GET", "path": "/items", "status": 200}`."""
    return Sighting(
        evidence="recorded",
        client=str(fields["from"]),
        server=str(fields["to"]),
        port=int(fields.get("port") or 0),
        method=str(fields.get("method") or ""),
        path=str(fields.get("path") or "").partition("?")[0],
        authority=str(fields.get("host") or ""),
        status=int(fields.get("status") or 0),
        server_name=str(fields.get("sni") or ""),
    )


def _tracked(line: str) -> Iterator[Sighting]:
    """conntrack's own form, `conntrack -L` or /proc/net/nf_conntrack: the way out, then the way back.

    The way back tells the pod behind a Service's address: kube-proxy rewrites the destination.
    """
    if not re.search(r"(^|\s)tcp\s", line):
        return
    sources, ports = re.findall(r"src=(\S+)", line), re.findall(r"sport=(\d+)", line)
    wanted, called = re.findall(r"dst=(\S+)", line)[0], re.findall(r"dport=(\d+)", line)[0]
    answered = len(sources) > 1 and "[UNREPLIED]" not in line
    yield Sighting(
        evidence="connection",
        client=sources[0],
        client_address=sources[0],
        client_port=int(ports[0]),
        server=sources[1] if answered else wanted,
        port=int(ports[1] if answered else called),
    )


# `ss -tn`: two columns of counters, then both ends.
_SOCKETS = re.compile(r"\d+\s+\d+\s+(\[?[0-9a-fA-F.:]+\]?):(\d+)\s+(\[?[0-9a-fA-F.:]+\]?):(\d+)(\s|$)")


def _socket(match: re.Match[str]) -> Sighting:
    """`ESTAB 0 0 10.0.1.5:40112 10.0.2.7:8080`: this end first, whoever began."""
    return Sighting(
        evidence="connection",
        client=_plain(match[1]),
        client_address=_plain(match[1]),
        client_port=int(match[2]),
        server=_plain(match[3]),
        port=int(match[4]),
        turned=True,
    )


def _plain(address: str) -> str:
    found = ipaddress.ip_address(address.strip("[]"))
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def by_evidence(sightings: Iterable[Sighting]) -> dict[Evidence, int]:
    """How many there are of each."""
    found: dict[Evidence, int] = {"proxy": 0, "connection": 0, "recorded": 0}
    for one in sightings:
        found[one.evidence] += 1
    return found

"""Traffic as calls between applications: who each sighting was, and what of it nobody can be named for."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

from configuration.applications import RESERVED_NAMESPACES
from configuration.kinds.networks import SERVICE_RANGES, is_private
from manifests.names import GATEWAY, ISTIO_INGRESS, service_host
from meshops.adopt.inventory import Inventory, Key, Running
from meshops.adopt.sightings import Evidence, Sighting, is_address

SHARED_GATEWAY: Key = (ISTIO_INGRESS, GATEWAY)
_PLATFORM = frozenset(RESERVED_NAMESPACES) - {"default"}
_HOST_SUFFIX = ".svc.cluster.local"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One application called another. port: of the callee's container. opaque: a connection, no request was seen."""

    caller: Key
    callee: Key
    port: int
    evidence: Evidence
    method: str = ""
    path: str = ""
    host: str = ""
    status: int = 0

    @property
    def opaque(self) -> bool:
        return not self.method


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """An application called something outside the cluster: a host, or where no name was seen an address."""

    caller: Key
    to: str
    port: int
    protocol: str
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class Unsaid:
    """Traffic that no settings entry can allow as it is. what: who called whom; why: and what to do."""

    what: str
    why: str


@dataclass
class Traffic:
    """sightings: how many were read; probes: of the node itself; platform: to DNS, istiod, the collector."""

    calls: list[Call] = field(default_factory=list)
    leaving: list[Leaving] = field(default_factory=list)
    unsaid: dict[Unsaid, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    sightings: int = 0
    probes: int = 0
    platform: int = 0


@dataclass(frozen=True, kw_only=True)
class Resolver:
    """known: the namespaces that the settings have, or will have. granted: (caller, callee) that they allow already."""

    inventory: Inventory
    adopted: frozenset[str]
    known: frozenset[str]
    granted: frozenset[tuple[Key, Key]] = frozenset()

    def resolve(self, sightings: Iterable[Sighting]) -> Traffic:
        """Drops what concerns none of the adopted namespaces."""
        traffic = Traffic()
        told: list[Call] = []
        for sighting in sightings:
            traffic.sightings += 1
            self._one(self._right_way_round(sighting), traffic, told)
        # The callee's proxy has written of the same requests; the caller's is the only witness where it has none.
        witnessed = {(call.caller, call.callee) for call in traffic.calls if call.evidence == "proxy"}
        traffic.calls += [call for call in told if (call.caller, call.callee) not in witnessed]
        return traffic

    def _one(self, sighting: Sighting, traffic: Traffic, told: list[Call]) -> None:
        if sighting.client in self._nodes or _is_loopback(sighting.client):
            traffic.probes += 1
            return
        callee, port = self._server(sighting)
        client = self._client(sighting)
        if (callee.namespace if isinstance(callee, Running) else _home(callee)) in _PLATFORM:
            traffic.platform += 1
        elif isinstance(callee, Running):
            if callee.namespace in self.adopted or (isinstance(client, Running) and client.namespace in self.adopted):
                self._inside(sighting, client, callee, port, traffic, told)
        elif isinstance(client, Running) and client.namespace in self.adopted:
            self._outside(sighting, client, callee, port, traffic)

    def _inside(
        self,
        sighting: Sighting,
        client: Running | Key | str,
        callee: Running,
        port: int,
        traffic: Traffic,
        told: list[Call],
    ) -> None:
        if sighting.refused:
            line = f"{_named(client)} to {callee}: {sighting.method} {sighting.path} ({sighting.refused})"
            traffic.refused[line] = traffic.refused.get(line, 0) + 1
            return
        ours = callee.namespace in self.adopted
        if isinstance(client, Running) and not ours and (client.key, callee.key) in self.granted:
            return
        why = self._why_not(client, callee)
        if why:
            unsaid = Unsaid(what=f"{_named(client)} calls {callee}:{port}", why=why)
            traffic.unsaid[unsaid] = traffic.unsaid.get(unsaid, 0) + 1
            return
        caller = client.key if isinstance(client, Running) else client
        assert isinstance(caller, tuple)
        call = Call(
            caller=caller,
            callee=callee.key,
            port=port,
            evidence=sighting.evidence,
            method=sighting.method,
            path=sighting.path,
            host=sighting.authority.partition(":")[0],
            status=sighting.status,
        )
        (told if sighting.by_client else traffic.calls).append(call)

    def _why_not(self, client: Running | Key | str, callee: Running) -> str:
        if isinstance(client, str):
            return "No application of the cluster could be named for the caller."
        if isinstance(client, Running) and client.namespace not in self.known:
            home = client.namespace
            return f"Namespace {home} is neither in the stack nor adopted: adopt it too, it may stay in phase outside."
        if callee.namespace not in self.adopted:
            return f"Its entry is in the stack already: add `- application: {_named(client)}` to its callers."
        return ""

    def _outside(self, sighting: Sighting, client: Running, server: str, port: int, traffic: Traffic) -> None:
        host = sighting.server_name or server
        if is_address(host) and sighting.method and sighting.authority:
            host = sighting.authority.partition(":")[0]
        why = _unnamed(host)
        if why:
            unsaid = Unsaid(what=f"{client} calls {host}:{port}", why=why)
            traffic.unsaid[unsaid] = traffic.unsaid.get(unsaid, 0) + 1
            return
        protocol = "TCP"
        if not is_address(host):
            protocol = "HTTP" if sighting.method else "TLS" if sighting.server_name or port == 443 else "TCP"
        traffic.leaving.append(
            Leaving(caller=client.key, to=host, port=port, protocol=protocol, evidence=sighting.evidence)
        )

    def _client(self, sighting: Sighting) -> Running | Key | str:
        parts = sighting.client.split("/")
        if len(parts) == 5 and parts[1] == "ns":
            if (parts[2], parts[4]) == SHARED_GATEWAY:
                return SHARED_GATEWAY
            running = self.inventory.with_account(parts[2], parts[4])
            if len(running) == 1:
                return running[0]
            return self._at(sighting.client_address) or f"identity {sighting.client}"
        if len(parts) == 2:
            return self._named(sighting.client) or sighting.client
        return self._at(sighting.client) or f"address {sighting.client}"

    def _at(self, address: str) -> Running | Key | str | None:
        found = self.inventory.at_address(address)
        if isinstance(found, Running) and found.namespace == ISTIO_INGRESS:
            return SHARED_GATEWAY
        return found

    def _named(self, text: str) -> Running | Key | None:
        namespace, _, name = text.partition("/")
        if (namespace, name) == SHARED_GATEWAY:
            return SHARED_GATEWAY
        return self.inventory.find((namespace, name)) or self.inventory.of_pod(namespace, name)

    def _server(self, sighting: Sighting) -> tuple[Running | str, int]:
        server, port = sighting.server, sighting.port
        if "/" in server:
            found = self._named(server)
            running = found if isinstance(found, Running) else None
            return running or server, port or (running.ports[0].target if running and running.ports else 0)
        if is_address(server):
            at = self.inventory.at_address(server)
            if isinstance(at, Running):
                return at, port
            if service := self.inventory.service_at(server):
                server = service_host(service.object_name, service.namespace)
        called = None
        if server.endswith(_HOST_SUFFIX):
            name, _, namespace = server.removesuffix(_HOST_SUFFIX).rpartition(".")
            called = self.inventory.called(name, namespace)
        if called is None:
            return server, port
        return called, next((one.target for one in called.ports if one.number == port), port)

    def _right_way_round(self, sighting: Sighting) -> Sighting:
        """Of a connection whose beginning nobody saw: the end that listens is the server."""
        if not sighting.turned or self._listens(sighting.server, sighting.port):
            return sighting
        if not self._listens(sighting.client, sighting.client_port):
            return sighting
        return dataclasses.replace(
            sighting,
            client=sighting.server,
            client_address=sighting.server,
            server=sighting.client,
            port=sighting.client_port,
            client_port=sighting.port,
        )

    def _listens(self, address: str, port: int) -> bool:
        found = self.inventory.at_address(address)
        if not isinstance(found, Running):
            return False
        declared = {
            entry.get("containerPort")
            for work in found.works
            for _, container in work.containers()
            for entry in container.get("ports") or ()
        }
        return port in declared | {one.target for one in found.ports}

    @property
    def _nodes(self) -> frozenset[str]:
        return self.inventory.nodes


def _unnamed(host: str) -> str:
    """Why an egress entry cannot say it."""
    if host.endswith(_HOST_SUFFIX):
        return "A Service that leads to no application; the Kubernetes API is one such, and no entry opens it."
    if not is_address(host):
        return ""
    address = ipaddress.ip_address(host)
    if not isinstance(address, ipaddress.IPv4Address):
        return "The settings know addresses of IPv4 only."
    if any(address in block for block in SERVICE_RANGES):
        return "EKS gives Services addresses of this range, and none of the cluster's has this one."
    if not is_private(ipaddress.IPv4Network(host)):
        return "A public address of which no name was seen: declare the host under egress by its name."
    return ""


def _home(host: str) -> str:
    """The namespace of a Service's full name; empty for any other."""
    return host.removesuffix(_HOST_SUFFIX).rpartition(".")[2] if host.endswith(_HOST_SUFFIX) else ""


def _is_loopback(text: str) -> bool:
    return is_address(text) and ipaddress.ip_address(text).is_loopback


def _named(client: Running | Key | str) -> str:
    return "/".join(client) if isinstance(client, tuple) else str(client)

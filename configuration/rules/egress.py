"""Rules on what may leave the mesh, across the applications of a namespace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network

from configuration.applications import RESERVED_NAMESPACES, Application, Namespace
from configuration.breaches import Breach, breach
from configuration.leaving.egress import Egress
from configuration.rules.each import each_application, path_of
from configuration.settings import Settings


def egress_is_external(settings: Settings) -> Iterator[Breach]:
    # resolv.conf of a pod: `search <namespace>.svc.cluster.local svc.cluster.local cluster.local`, ndots 5.
    search = {*RESERVED_NAMESPACES, *(namespace.name for namespace in settings.namespaces)}
    for namespace in settings.namespaces:
        protocols: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
        for egress, where in _declared(namespace):
            if egress.host and egress.host.rpartition(".")[2] in search:
                yield breach(
                    f"{where}.host",
                    egress.host,
                    "Its last part is a namespace: the search path of a pod makes a service of the cluster of it.",
                    "Name a service of the cluster under `callers`; for an external one rename the namespace.",
                )
            protocols[egress.destination, egress.port].setdefault(egress.protocol, where)
        yield from _originated(namespace)
        for (host, port), by_protocol in protocols.items():
            if len(by_protocol) > 1:
                first, second = list(by_protocol.items())[:2]
                yield breach(
                    f"{second[1]}.protocol",
                    second[0],
                    f"{host}:{port} is declared as {first[0]} at {first[1]}; the two would conflict.",
                    "Declare one protocol.",
                    f"{first[1]}.protocol",
                )


def _declared(namespace: Namespace) -> Iterator[tuple[Egress, str]]:
    """What its applications declare, each with the path of the setting."""
    for application in namespace.applications:
        yield from _of_application(application, path_of(namespace, application))


def _of_application(application: Application, path: str) -> Iterator[tuple[Egress, str]]:
    for index, egress in enumerate(application.egress):
        yield egress, f"{path}.egress[{index}]"


def _originated(namespace: Namespace) -> Iterator[Breach]:
    first: dict[str, tuple[Egress, str]] = {}
    for egress, where in _declared(namespace):
        if egress.host is None:
            continue
        if egress.originate and egress.protocol not in ("TLS", "HTTPS"):
            yield breach(
                f"{where}.originate",
                True,
                f"The sidecar begins TLS where the host speaks TLS; {egress.protocol} is something else.",
                "Leave the protocol at TLS, or originate out.",
                f"{where}.protocol",
            )
        other, place = first.setdefault(egress.host, (egress, where))
        alike = (egress.originate, egress.port) == (other.originate, other.port)
        if not alike and (egress.originate or other.originate):
            yield breach(
                f"{where}.originate",
                egress.originate,
                f"{egress.host} is declared otherwise at {place}; one rule holds for the host in a namespace.",
                "Declare both alike.",
                f"{place}.originate",
            )


def egress_has_one_destination(settings: Settings) -> Iterator[Breach]:
    for namespace in settings.namespaces:
        for egress, where in _declared(namespace):
            if (egress.host is None) == (egress.cidr is None):
                yield breach(
                    f"{where}.cidr" if egress.cidr else f"{where}.host",
                    egress.cidr,
                    "An egress is either a host by its name or a private network by its addresses.",
                    "Set one of `host` and `cidr`; in which networks a private host stands, `networks` says.",
                    f"{where}.host",
                    f"{where}.cidr",
                )
            elif egress.cidr and egress.networks:
                yield breach(
                    f"{where}.networks",
                    list(map(str, egress.networks)),
                    "They say where a host stands; an egress with a cidr is that network itself.",
                    "Declare each network as an egress of its own.",
                    f"{where}.cidr",
                )
            elif egress.cidr and (egress.protocol != "TCP" or egress.originate):
                # istio pilot/pkg/networking/core/tls.go: for TLS to a CIDR the name in the handshake must match too.
                yield breach(
                    f"{where}.protocol",
                    egress.protocol,
                    "A sidecar tells TLS and HTTP by a name, and addresses have none.",
                    "Write `protocol: TCP`, inside which the application may speak TLS; or declare the host by its "
                    "name, with the `networks` in which it stands.",
                    f"{where}.cidr",
                    f"{where}.originate",
                )


def one_opaque_service_on_a_port(settings: Settings) -> Iterator[Breach]:
    """istio pilot/pkg/networking/core/listener.go (mergeTCPFilterChains): of two that match alike istiod drops one."""
    for _, application, path in each_application(settings):
        seen: list[tuple[Egress, str]] = []
        for egress, where in _of_application(application, path):
            if egress.protocol != "TCP":
                continue
            for other, place in seen:
                if other.port == egress.port and _match_alike(egress, other):
                    yield breach(
                        f"{where}.{'cidr' if egress.cidr else 'host'}",
                        egress.destination,
                        f"{other.destination} at {place} has port {egress.port} too, and opaque TCP is told by "
                        "port and address alone: one of the two would never be used.",
                        "Declare one network that holds both, by `cidr`; or what speaks TLS as TLS.",
                        f"{where}.port",
                        f"{where}.protocol",
                        place,
                    )
                    break
            seen.append((egress, where))


def _match_alike(one: Egress, other: Egress) -> bool:
    if one.cidr and other.cidr:
        return one.cidr.overlaps(other.cidr)
    return not one.cidr and not other.cidr and one.host != other.host


def private_networks_are_not_the_clusters(settings: Settings) -> Iterator[Breach]:
    """Where pods have their addresses, a network by CIDR would be a way to each of them."""
    for namespace in settings.namespaces:
        for egress, where in _declared(namespace):
            for index, network in enumerate(egress.private_networks):
                setting = "cidr" if egress.cidr else f"networks[{index}]"
                if any(network.overlaps(own) for own in own_subnets(settings)):
                    yield breach(
                        f"{where}.{setting}",
                        network,
                        "Subnets of the cluster's own are in it, or may be once a zone is added: it would open its "
                        "pods, nodes and load balancers, past the policies of who may call whom.",
                        "Put the service into subnets beside the cluster's (of a VPC laid out by `zones` the last "
                        "eighth is never used), and name an application of the stack under `callers`.",
                        "network",
                    )


def own_subnets(settings: Settings) -> tuple[IPv4Network, ...]:
    """The part of our own VPC in which subnets are or may come to be; empty for an existing one.

    A VPC that is laid out by zones keeps its last eighth free (manifests/address_plan.py).
    """
    network = settings.network
    if network.cidr is None or network.existing:
        return ()
    if network.subnets:
        return tuple(subnet for pair in network.subnets for subnet in (pair.private, pair.public))
    return tuple(network.cidr.subnets(prefixlen_diff=3))[:7] if network.cidr.prefixlen <= 29 else (network.cidr,)


RULES: tuple[Callable[[Settings], Iterator[Breach]], ...] = (
    egress_is_external,
    egress_has_one_destination,
    one_opaque_service_on_a_port,
    private_networks_are_not_the_clusters,
)

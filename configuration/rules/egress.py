"""Rules on what may leave the mesh, across the applications of a namespace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from configuration.applications import RESERVED_NAMESPACES, Egress, Namespace
from configuration.breaches import Breach, breach
from configuration.settings import Settings


def egress_is_external(settings: Settings) -> Iterator[Breach]:
    # resolv.conf of a pod: `search <namespace>.svc.cluster.local svc.cluster.local cluster.local`, ndots 5.
    search = {*RESERVED_NAMESPACES, *(namespace.name for namespace in settings.namespaces)}
    for namespace in settings.namespaces:
        protocols: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
        for application in namespace.applications:
            path = f"namespaces[{namespace.name}].applications[{application.name}]"
            for index, egress in enumerate(application.egress):
                where = f"{path}.egress[{index}]"
                if egress.host.rpartition(".")[2] in search:
                    yield breach(
                        f"{where}.host",
                        egress.host,
                        "Its last part is a namespace: the search path of a pod makes a service of the cluster of it.",
                        "Name a service of the cluster under `callers`; for an external one rename the namespace.",
                    )
                protocols[egress.host, egress.port].setdefault(egress.protocol, where)
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


def _originated(namespace: Namespace) -> Iterator[Breach]:
    first: dict[str, tuple[Egress, str]] = {}
    for application in namespace.applications:
        for index, egress in enumerate(application.egress):
            where = f"namespaces[{namespace.name}].applications[{application.name}].egress[{index}]"
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


RULES: tuple[Callable[[Settings], Iterator[Breach]], ...] = (egress_is_external,)

"""The calls of probe pods: what is asked of whom, and the pod (client) that asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from manifests.mesh_graph import Member
from manifests.names import ISTIO_INGRESS

Purpose = Literal[
    "plaintext",
    "plaintext-past-network-policy",
    "right-identity",
    "wrong-identity",
    "wrong-method",
    "wrong-path",
    "declared-host",
    "undeclared-host",
    "undeclared-host-outside",
    "private-destination",
    "private-destination-stranger",
    "agent",
    "agent-stranger",
    "gateway",
    "gateway-older-tls",
    "forged-headers",
    "proxy-port",
    "control-plane-port",
    "caged",
    "uncaged",
    "network-stranger",
    "network-declared",
    "platform-stranger",
    "platform-declared",
    "past-sidecar",
    "past-sidecar-control",
]


@dataclass(frozen=True, kw_only=True)
class Client:
    """One probe pod. labels: beyond verify's own. service_account: empty for the namespace's default.

    namespace: empty for the run's own, which is not in the mesh. annotations: as on the pods it stands in for.
    """

    namespace: str = ""
    service_account: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    injected: bool = False
    annotations: tuple[tuple[str, str], ...] = ()


BESIDE_GATEWAY = Client(namespace=ISTIO_INGRESS)
"""A pod without a sidecar that the gateway's NetworkPolicy admits as it does the load balancer, for its label."""
OUTSIDE = Client()
"""A pod that has nothing to do with the mesh."""
CAGE = "meshops.verify/caged"
CAGED = Client(labels=((CAGE, "true"),))
"""One beside it that a NetworkPolicy of the run lets nowhere."""


def standing_in(caller: Member, service_account: str, *, annotations: Mapping[str, str] | None = None) -> Client:
    """In the place of one of the application's pods; service_account: its own, or another."""
    return Client(
        namespace=caller.namespace.name,
        service_account=service_account,
        labels=(("app", caller.name),),
        injected=True,
        annotations=tuple((annotations or {}).items()),
    )


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request of a probe pod.

    callee: the application that is asked, None for a host outside; caller: whom the probe stands in for.
    identity: the principal that the callee must see; empty without a sidecar.
    options: of curl, beyond the ones that every call has.
    """

    id: str
    purpose: Purpose
    client: Client
    url: str
    callee: Member | None = None
    caller: Member | None = None
    identity: str = ""
    method: str = "GET"
    host: str = ""
    options: tuple[str, ...] = ()

    @property
    def named(self) -> str:
        """For a person: `GET /api/data of secure-apps/billing-api`."""
        if self.callee is None:
            return self.url
        path = "/" + self.url.partition("://")[2].partition("/")[2]
        return f"{self.method} {path} of {self.callee.namespace.name}/{self.callee.name}"

    def expects_server_line(self) -> bool:
        """Whether the callee's own proxy writes a line with this call's User-Agent."""
        return self.purpose in (
            "right-identity",
            "wrong-identity",
            "wrong-method",
            "wrong-path",
            "forged-headers",
            "gateway",
        )

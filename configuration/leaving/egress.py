"""What an application calls outside the mesh: a host by its name, public or private, or a private network."""

from __future__ import annotations

from typing import Literal

from configuration.kinds.networks import PrivateNetwork
from configuration.leaving.external_hosts import ExternalHost
from configuration.section import section
from configuration.values import Port

ORIGINATED_PORT = 80
"""Where an application speaks HTTP to a host whose TLS its sidecar begins."""


@section
class Egress:
    """An external service that this application calls: either by `host` or by `cidr`."""

    host: ExternalHost | None = None
    cidr: PrivateNetwork | None = None
    """Instead of `host`, with `protocol: TCP`: whatever answers at these private addresses, for what has no name that
    a sidecar could read, e.g. databases. /16 at most, and outside the subnets of the cluster."""
    networks: tuple[PrivateNetwork, ...] = ()
    """Of a private `host`: the networks in which its addresses are. Without it a host is on the internet, or one of
    `network.interfaceEndpoints` answers for it; what resolves elsewhere is refused below the sidecar."""
    port: Port = 443
    protocol: Literal["TLS", "HTTPS", "HTTP", "TCP"] = "TLS"
    """What leaves the pod: the application's own TLS, as a rule. HTTP is plaintext. TCP is opaque: on a port an
    application has one such host, and networks that do not overlap."""
    originate: bool = False
    """The application speaks HTTP to port 80 of this host, and its sidecar TLS to `port`: it checks the certificate,
    sends to no other host behind the same address, and logs method and path. Else it knows the handshake's name only.
    """

    @property
    def called_port(self) -> int:
        """The port that the application itself calls."""
        return ORIGINATED_PORT if self.originate else self.port

    @property
    def destination(self) -> str:
        """The host, or the network as it is written."""
        return self.host or str(self.cidr)

    @property
    def private_networks(self) -> tuple[PrivateNetwork, ...]:
        """Where it is reached, if not on the internet."""
        return (self.cidr,) if self.cidr else self.networks

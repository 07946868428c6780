"""What a load balancer is, as AWS's API tells it: what the controller made, for Envoy to play."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["application", "network"]


class NotPlayed(Exception):
    """AWS's load balancer would do it, the lab's Envoy does not. The text is one line: what, which value."""


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """How a target group asks its targets. port: None is the target's own. Seconds; codes as `200` or `200-299,301`."""

    protocol: Literal["HTTP", "HTTPS", "TCP"]
    port: int | None
    path: str
    interval: int
    timeout: int
    healthy: int
    unhealthy: int
    codes: str


@dataclass(frozen=True, kw_only=True, order=True)
class Target:
    """One pod."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class TargetGroup:
    """Who gets the traffic. arn: AWS's name of it; name: as a file name and as Envoy's cluster."""

    arn: str
    name: str
    protocol: Literal["HTTP", "HTTPS", "TCP"]
    check: HealthCheck
    proxy_protocol: bool = False
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Listener:
    """One port.

    certificates: ARNs, the default one first
    redirect_to:  the HTTPS port to which HTTP is sent on
    allowed_cidrs: who may connect, by the inbound rules of the load balancer's security groups
    """

    port: int
    protocol: Literal["HTTP", "HTTPS", "TCP"]
    ssl_policy: str = ""
    certificates: tuple[str, ...] = ()
    redirect_to: int | None = None
    allowed_cidrs: tuple[str, ...] = ("0.0.0.0/0",)
    group: TargetGroup | None = None
    """Where the requests go; None for a listener that redirects."""


@dataclass(frozen=True, kw_only=True)
class LoadBalancerModel:
    """One load balancer.

    source:   `Ingress istio-ingress/istio-ingressgateway`: the object that asked for it, by the controller's tags
    host:     its DNS name
    drop_invalid_headers: header fields whose names are not [A-Za-z0-9-]+ do not reach the targets
    idle_timeout: seconds without a byte, after which a request is given up
    """

    kind: Kind
    source: str
    name: str
    host: str
    listeners: tuple[Listener, ...]
    drop_invalid_headers: bool = False
    idle_timeout: int = 60

    @property
    def groups(self) -> tuple[TargetGroup, ...]:
        """Every target group once, in the order of the listeners."""
        return tuple({listener.group.name: listener.group for listener in self.listeners if listener.group}.values())

"""What a load balancer is to be: the controller's decision, before anything of it exists."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["application", "network"]
Scheme = Literal["internal", "internet-facing"]


class Refusal(Exception):
    """The controller would not make this load balancer.

    reason: of the Event, `FailedBuildModel` or `FailedDeployModel`. The text is one line: what, which value, which
    rule. `only_here`: the real controller would not refuse it; the stand-in does not know it.
    """

    def __init__(self, text: str, *, reason: str = "FailedBuildModel", only_here: bool = False) -> None:
        self.reason, self.only_here = reason, only_here
        super().__init__(f"{text} (refused by the lab's stand-in only)" if only_here else text)


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
    """One pod. name: for people."""

    address: str
    port: int
    name: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class TargetGroup:
    """Who gets the traffic. service: `<namespace>/<name>`; port: the Service's; balancer: the name of its owner.

    deregistration_delay: seconds that a target which has left may still answer what it was asked.
    """

    balancer: str
    service: str
    port: int
    protocol: Literal["HTTP", "HTTPS", "TCP"]
    check: HealthCheck
    deregistration_delay: int
    proxy_protocol: bool = False
    targets: tuple[Target, ...] = ()

    @property
    def name(self) -> str:
        """As a file name and as Envoy's cluster."""
        return f"{self.balancer}_{self.port}"


@dataclass(frozen=True, kw_only=True)
class Listener:
    """One port. certificates: ARNs, the default one first. redirect_to: the HTTPS port to which HTTP is sent on."""

    port: int
    protocol: Literal["HTTP", "HTTPS", "TCP"]
    ssl_policy: str = ""
    certificates: tuple[str, ...] = ()
    redirect_to: int | None = None
    group: TargetGroup | None = None
    """Where the requests go; None for a listener that redirects."""


@dataclass(frozen=True, kw_only=True)
class LoadBalancerModel:
    """One load balancer.

    source:   `Ingress istio-ingress/istio-ingressgateway`: the object that asked for it
    subnets:  the chosen ones, one per zone
    attributes, tags, web_acl: as annotated, the controller's own tags included
    drop_invalid_headers: header fields whose names are not [A-Za-z0-9-]+ do not reach the targets
    idle_timeout: seconds without a byte, after which a request is given up
    """

    kind: Kind
    source: str
    name: str
    scheme: Scheme
    subnets: tuple[str, ...]
    listeners: tuple[Listener, ...]
    tags: tuple[tuple[str, str], ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    web_acl: str = ""
    drop_invalid_headers: bool = False
    idle_timeout: int = 60
    allowed_cidrs: tuple[str, ...] = ("0.0.0.0/0",)

    @property
    def groups(self) -> tuple[TargetGroup, ...]:
        """Every target group once, in the order of the listeners."""
        return tuple({listener.group.name: listener.group for listener in self.listeners if listener.group}.values())

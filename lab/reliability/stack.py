"""The lab's stack with applications under load: who is asked, who asks, and the settings that a step changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from configuration.applications import Phase
from configuration.mesh import revision_of
from configuration.settings import PROJECT
from lab.cluster.control_plane import CLUSTER_DOMAIN, ControlPlane
from lab.errors import LabError
from lab.images.catalogue import LOAD_IMAGE
from lab.load_balancer import report as balancers
from lab.paths import PROGRAM, STACK
from lab.reliability.generator import Stream
from offline.stack_files import read_stack
from offline.values import Secret
from versions import ISTIO

GENERATOR_NAMESPACE, GENERATOR = "load", "generator"
FIRST, *OTHERS = NAMESPACES = ("shop", "stock", "mail")
"""One application each, `web`; the first one also has `rates`, which speaks gRPC."""
WEB, RATES = "web", "rates"
ISTIOD = f"istiod-{revision_of(ISTIO)}"
"""The Deployment of the stack's control plane."""
_HTTP_PORT, _GRPC_PORT = 8080, 9090
_CALLER = {"application": f"{GENERATOR_NAMESPACE}/{GENERATOR}"}
_IMAGE = f"{LOAD_IMAGE}:v1"

Config = Mapping[str, str | Secret]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What the stack says at a moment.

    phases:   of each namespace under load; those not named are not there
    changes:  section -> settings of it that are otherwise than in the stack's file
    web:      settings of `web` in the first namespace that are otherwise
    namespace: settings of the first namespace that are otherwise
    """

    phases: Mapping[str, Phase] = field(default_factory=lambda: dict.fromkeys((FIRST,), "strict"))
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    web: Mapping[str, Any] = field(default_factory=dict)
    namespace: Mapping[str, Any] = field(default_factory=dict)

    def config(self) -> Config:
        """The configuration of the whole stack."""
        config = dict(read_stack(PROGRAM, STACK).config)
        for section, values in self.changes.items():
            key = f"{PROJECT}:{section}"
            config[key] = json.dumps({**json.loads(str(config.get(key, "{}"))), **values})
        key = f"{PROJECT}:namespaces"
        config[key] = json.dumps([*json.loads(str(config[key])), *self._namespaces()])
        return config

    def _namespaces(self) -> list[dict[str, Any]]:
        generator = {"name": GENERATOR, "image": _IMAGE, "args": ["idle"], "replicas": 1}
        made: list[dict[str, Any]] = [
            {"name": GENERATOR_NAMESPACE, "phase": "strict", "applications": [generator]},
        ]
        for name, phase in self.phases.items():
            entry: dict[str, Any] = {"name": name, "phase": phase, "applications": [_web(name)]}
            if name == FIRST:
                entry["applications"] = [{**_web(name), **self.web}, _rates()]
                entry |= self.namespace
            made.append(entry)
        return made


def host(namespace: str) -> str:
    """The public host of the `web` in a namespace."""
    return f"{namespace}.lab.example.com"


def _web(namespace: str) -> dict[str, Any]:
    return {
        "name": WEB,
        "image": _IMAGE,
        "args": ["serve", "-http", f":{_HTTP_PORT}"],
        "port": _HTTP_PORT,
        "replicas": 2,
        "hosts": [host(namespace)],
        "stickiness": {"cookie": "affinity"},
        "callers": [{**_CALLER, "methods": ["GET"], "paths": ["/"]}],
    }


def _rates() -> dict[str, Any]:
    return {
        "name": RATES,
        "image": _IMAGE,
        "args": ["serve", "-grpc", f":{_GRPC_PORT}"],
        "port": _GRPC_PORT,
        "protocol": "grpc",
        "replicas": 2,
        "callers": [_CALLER],
    }


def streams(plane: ControlPlane, namespaces: tuple[str, ...] = (FIRST,)) -> tuple[Stream, ...]:
    """What is asked while a step is done: of the first namespace everything, of the others the usual. Raises LabError.

    gRPC goes from pod to pod only: the ALB's target group speaks HTTP/1.1 to the gateway.
    """
    made: list[Stream] = []
    # About a hundred a second in all: two cores carry the lab beside it.
    rate = 20.0 if len(namespaces) == 1 else 8.0
    for namespace in namespaces:
        made += _streams(plane, namespace, rate, every=namespace == FIRST)
    return tuple(made)


def _streams(plane: ControlPlane, namespace: str, rate: float, *, every: bool) -> list[Stream]:
    address, authority = _load_balancer(plane)
    service = f"svc.{CLUSTER_DOMAIN}"
    outside = Stream(
        name="", place="load balancer", protocol="http1", url=f"https://{host(namespace)}/", rate=rate, resolve=address,
        ca_cert=authority,
    )  # fmt: skip
    inside = Stream(
        name="", place="pod", protocol="http1", url=f"http://{WEB}.{namespace}.{service}:{_HTTP_PORT}/", rate=rate
    )
    made = []
    for asked in (outside, inside):
        place = f"{namespace}, {asked.place}"
        made.append(replace(asked, name=f"{place}, HTTP/1.1", connections=2, reuse=20))
        if every:
            made.append(replace(asked, name=f"{place}, HTTP/2", protocol="http2"))
            made.append(replace(asked, name=f"{place}, one connection kept", rate=rate / 2))
    if every:
        url = f"{RATES}.{namespace}.{service}:{_GRPC_PORT}"
        made.append(replace(inside, name=f"{namespace}, pod, gRPC", protocol="grpc", url=url))
    return made


def _load_balancer(plane: ControlPlane) -> tuple[str, str]:
    """The ALB's address, and a file with the authority of its certificate."""
    root = plane.state.root
    address = next((each.address for each in balancers.read(root) if each.source.startswith("Ingress ")), "")
    authorities = sorted(balancers.certificates(root).glob("*.crt"), key=lambda path: path.stat().st_mtime)
    if not address or not authorities:
        raise LabError("the lab's load balancer is not played: make lab-status says why")
    return address, str(authorities[-1])

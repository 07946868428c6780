"""Makes shots of what an attempt wants to say: to an application, to a pod's port, to a load balancer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshops.attack import http
from meshops.attack.ground import INTERNET, Ground, Resource
from meshops.attack.model import Shot
from meshops.attack.place import Place

_LONGEST = 110
ISTIO_ALPN = ("istio-http/1.1", "istio")
"""What a sidecar offers; the server's filter chains for mutual TLS are matched by it."""
OWN: Mapping[str, Any] = {"sni": None, "alpn": list(ISTIO_ALPN), "certificate": "own"}


def raw(
    place: Place,
    to: str,
    port: int,
    *parts: str | float,
    tls: Mapping[str, Any] | None = None,
    said: str = "",
    mark: str = "",
    **more: Any,
) -> Shot:
    """These bytes, over TCP or TLS."""
    task: dict[str, Any] = {"to": to, "port": port, "send": list(parts), **more}
    if tls is not None:
        task["tls"] = dict(tls)
    shown = said or " ".join(repr(part) for part in parts if isinstance(part, str)) or "a connection"
    shown = shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
    over = "" if tls is None else " over TLS" if tls.get("certificate") is None else " over mutual TLS"
    return Shot(place=place, task=task, said=f"{place.named} -> {to}:{port}{over}: {shown}", mark=mark)


def get(place: Place, to: str, port: int, path: str, *, host: str = "", tls: Any = None, **request: Any) -> Shot:
    """A request in HTTP/1.1, as `meshops.attack.http.request` makes it."""
    text = http.request(host or f"{to}:{port}", path, **request)
    line = text.partition("\r\n")[0]
    return raw(place, to, port, text, tls=tls, said=f"{line} (Host: {host})" if host else line)


def to_application(
    ground: Ground, place: Place, resource: Resource, text: str, *, said: str = "", mark: str = ""
) -> Shot:
    """Bytes for an application, by the way that this place has to it: its sidecar, or its own certificate."""
    client = place.client
    if client is not None and client.namespace and not client.injected:
        return raw(place, ground.pod_ip(resource), resource.port, text, tls=OWN, said=said, mark=mark)
    return raw(place, resource.host, resource.called_port, text, said=said, mark=mark)


def to_alb(ground: Ground, text: str | tuple[str | float, ...], *, said: str = "", sni: str | None = "", mark: str = "",
           alpn: tuple[str, ...] = ("http/1.1",), **more: Any) -> Shot:  # fmt: skip
    """Bytes for the ALB over TLS. sni: the public host's if not given, None for none."""
    parts = (text,) if isinstance(text, str) else text
    name = ground.public_host if sni == "" else sni
    return raw(INTERNET, ground.alb, 443, *parts, tls={"sni": name, "alpn": list(alpn)}, said=said, mark=mark, **more)


def to_gateway(ground: Ground, place: Place, text: str, *, said: str = "", mark: str = "", **more: Any) -> list[Shot]:
    """Bytes for one of the gateway's pods, as a target of the load balancer takes them."""
    return [
        raw(place, pod.ip, 443, text, tls={"sni": None}, said=said, mark=mark, **more) for pod in ground.gateways[:1]
    ]

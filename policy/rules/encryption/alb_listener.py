"""MR305: The ALB speaks a current TLS policy to clients and HTTPS to the gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from configuration.load_balancer import SSL_POLICIES
from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack

_ALB = "alb.ingress.kubernetes.io"


@rule(
    "MR305",
    "Encryption",
    title="The ALB speaks a current TLS policy to clients and HTTPS to the gateway.",
    why="Without ssl-policy the API takes the one of 2016, with TLS 1.0 and CBC; with another backend-protocol the "
    "ALB sends every request on in plaintext; an HTTP listener without a redirect answers in plaintext.",
    source="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html; "
    "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/",
    severity="critical",
    remedy="Leave the Ingress to manifests/ingress.py: loadBalancer.sslPolicy chooses the policy.",
    about=("Ingress",),
)
def alb_listener(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    notes = resource.annotations
    if notes.get(f"{_ALB}/backend-protocol") != "HTTPS":
        yield _flaw("backend-protocol", notes.get(f"{_ALB}/backend-protocol"))
    if notes.get(f"{_ALB}/ssl-policy") not in SSL_POLICIES:
        yield _flaw("ssl-policy", notes.get(f"{_ALB}/ssl-policy"))
    # What stands in it may not be known before the certificate is: that it is there is enough.
    if f"{_ALB}/certificate-arn" not in notes:
        yield _flaw("certificate-arn", None)
    ports = _ports(notes.get(f"{_ALB}/listen-ports"))
    redirect = notes.get(f"{_ALB}/ssl-redirect")
    if ("HTTP" in ports and not redirect) or "HTTPS" not in ports:
        yield _flaw("listen-ports", notes.get(f"{_ALB}/listen-ports"))
    if redirect and int(str(redirect)) not in ports.values():
        yield _flaw("ssl-redirect", redirect)


def _ports(text: Any) -> dict[str, int]:
    try:
        return {protocol: int(port) for entry in json.loads(text) for protocol, port in entry.items()}
    except (TypeError, ValueError, AttributeError):
        return {}


def _flaw(name: str, value: Any) -> Flaw:
    return Flaw(field=f'metadata.annotations["{_ALB}/{name}"]', value=shown(value))

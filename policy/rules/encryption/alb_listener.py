"""MR305: The ALB speaks a current TLS policy to clients and HTTPS to the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from configuration.load_balancer import SSL_POLICIES
from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack
from validation import alb

_ALB = alb.PREFIX
_LATE = (f"{_ALB}/certificate-arn", f"{_ALB}/wafv2-acl-arn")


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
    try:
        listeners = alb.read({name: None if name in _LATE else notes[name] for name in notes}).listeners
    except alb.Refused as refused:
        if refused.annotation not in ("certificate-arn", "backend-protocol"):
            yield _flaw(refused.annotation, refused.value)
        return
    if all(each.protocol == "HTTP" for each in listeners) or any(
        each.protocol == "HTTP" and each.redirect is None for each in listeners
    ):
        yield _flaw("listen-ports", notes.get(f"{_ALB}/listen-ports"))


def _flaw(name: str, value: Any) -> Flaw:
    return Flaw(field=f'metadata.annotations["{_ALB}/{name}"]', value=shown(value))

"""MR307: The gateway's certificate is issued, strong, short-lived, and the one the gateway takes."""

from __future__ import annotations

from collections.abc import Iterator

from policy.mesh import inside
from policy.resources import Resource, seconds
from policy.rule import Flaw, rule, shown
from policy.stack import Stack

_LONGEST_HOURS = 90 * 24
_LEAST = {"ECDSA": 256, "RSA": 2048, "Ed25519": 0}


@rule(
    "MR307",
    "Encryption",
    title="The gateway's certificate is issued, strong, short-lived, and the one the gateway takes.",
    why="A key that is never rotated outlives whoever copied it; a secret of another name, or an issuer that nobody "
    "makes, leaves the gateway without a certificate and every request with a 502.",
    source="https://cert-manager.io/docs/usage/certificate/; https://cert-manager.io/docs/reference/api-docs/",
    severity="high",
    remedy="Leave the Certificate to manifests/cert_manager.py; certificates.duration is at most 2160h.",
    about=("Certificate",),
    alone=False,
)
def gateway_certificate(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    key = resource.at("spec", "privateKey") or {}
    algorithm = key.get("algorithm", "RSA")
    size = key.get("size", 256 if algorithm == "ECDSA" else 2048)
    if algorithm not in _LEAST or size < _LEAST[algorithm]:
        yield Flaw(field="spec.privateKey", value=f"{algorithm} {size}")
    if key.get("rotationPolicy") != "Always":
        yield Flaw(field="spec.privateKey.rotationPolicy", value=shown(key.get("rotationPolicy")))
    duration, before = resource.at("spec", "duration") or "2160h", resource.at("spec", "renewBefore") or "720h"
    if seconds(str(duration)) > _LONGEST_HOURS * 3600:
        yield Flaw(field="spec.duration", value=str(duration))
    if seconds(str(before)) >= seconds(str(duration)):
        yield Flaw(field="spec.renewBefore", value=str(before), says=f"it lives for {duration}")
    yield from _references(resource, stack)


def _references(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    issuer = resource.at("spec", "issuerRef") or {}
    kind, name = str(issuer.get("kind", "Issuer")), str(issuer.get("name"))
    made = any(
        one.object_name == name and (kind == "ClusterIssuer" or one.namespace == resource.namespace)
        for one in stack.of(kind)
    )
    if not made:
        yield Flaw(field="spec.issuerRef", value=f"{kind} {name}", says="nothing in this plan makes it")
    secret = resource.at("spec", "secretName")
    taken = {
        (server.get("tls") or {}).get("credentialName")
        for gateway in inside(stack, "Gateway", resource.namespace)
        for server in gateway.at("spec", "servers") or ()
    }
    if "istio-ca" not in str(secret) and taken and secret not in taken and not resource.at("spec", "isCA"):
        yield Flaw(field="spec.secretName", value=shown(secret), says="no Gateway beside it takes this secret")

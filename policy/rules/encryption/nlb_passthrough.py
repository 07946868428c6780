"""MR306: The NLB passes TLS through, to a port of its own."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.names import PASSTHROUGH_PORT
from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack

_NLB = "service.beta.kubernetes.io/aws-load-balancer"


@rule(
    "MR306",
    "Encryption",
    title="The NLB passes TLS through, to a port of its own.",
    why="With a certificate it ends TLS and may send plaintext on; at the ALB's port of the gateway whoever comes by "
    "the NLB reaches the hosts behind the WAF, with an X-Forwarded-For of his own.",
    source="docs/load-balancers.md; "
    "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/annotations/",
    severity="high",
    remedy="Leave the Service to manifests/ingress.py.",
    about=("Service",),
)
def nlb_passthrough(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if resource.at("spec", "type") != "LoadBalancer":
        return
    notes = resource.annotations
    if f"{_NLB}-ssl-cert" in notes:
        yield Flaw(field=f'metadata.annotations["{_NLB}-ssl-cert"]', value="(set)")
    if notes.get(f"{_NLB}-backend-protocol", "tcp") != "tcp":
        yield Flaw(
            field=f'metadata.annotations["{_NLB}-backend-protocol"]', value=shown(notes[f"{_NLB}-backend-protocol"])
        )
    for position, port in enumerate(resource.at("spec", "ports") or ()):
        if port.get("targetPort") != PASSTHROUGH_PORT:
            yield Flaw(field=f"spec.ports[{position}].targetPort", value=shown(port.get("targetPort")))

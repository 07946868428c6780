"""MR308: The public certificate is validated by DNS and covers every host behind the ALB."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.gateway import terminated_hosts
from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack

_KEYS = ("EC_prime256v1", "EC_secp384r1", "EC_secp521r1", "RSA_2048", "RSA_3072", "RSA_4096")


@rule(
    "MR308",
    "Encryption",
    title="The public certificate is validated by DNS and covers every host behind the ALB.",
    why="One that is validated by mail does not renew by itself; a host that it lacks is a warning in every browser, "
    "or the wrong certificate.",
    source="https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html; "
    "https://docs.aws.amazon.com/acm/latest/userguide/acm-certificate-characteristics.html",
    severity="high",
    remedy="Hosts lie one label below loadBalancer.domain; others need loadBalancer.certificateArn.",
    about=("aws:acm/certificate:Certificate",),
)
def public_certificate(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if resource.at("validationMethod") != "DNS":
        yield Flaw(field="validationMethod", value=shown(resource.at("validationMethod")))
    if resource.at("keyAlgorithm") not in (None, *_KEYS):
        yield Flaw(field="keyAlgorithm", value=shown(resource.at("keyAlgorithm")))
    names = [resource.at("domainName"), *(resource.at("subjectAlternativeNames") or ())]
    in_dns = tuple(one for one in stack.settings.namespaces if one.in_dns)
    for host in terminated_hosts(in_dns):
        if host not in names and f"*.{host.partition('.')[2]}" not in names:
            yield Flaw(field="subjectAlternativeNames", value=shown(names[1:]), says=f"{host} is not among them")

"""Ingresses to ask the controller about: the gateway's as some settings give it, and with a few annotations changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from typing import Any

from configuration.load_balancer import SSL_POLICIES, AccessLogs, LoadBalancer
from manifests.ingress import alb_ingress
from validation.alb import PREFIX

CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/00000000-0000-4000-8000-000000000001"
OTHER = CERTIFICATE.removesuffix("1") + "2"
WEB_ACL = "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/mesh/00000000-0000-4000-8000-000000000003"
# Twice the same letter: 33 characters, one more than a load balancer's name may have.
LONG = "m" * 33

# Annotation -> values, each put in the place of the program's; None takes the annotation away.
VALUES: Mapping[str, tuple[str | None, ...]] = {
    "scheme": (None, "internal", "internet-facing", "Internal", "public", ""),
    "target-type": (None, "ip", "instance", "IP", "lambda"),
    "inbound-cidrs": (
        *(None, "", " , ", "10.0.0.0/8", "10.0.0.0/8, 192.0.2.0/24", "10.1.2.3/8", "10.0.0.0", "10.0.0.0/33"),
        *("10.0.0.0/255.0.0.0", "010.0.0.0/8", "0.0.0.0/0", "::/0", "10.0.0.0/8,2001:db8::/32", "anywhere", "10.0.0/8"),
        *("10.0.0.0/", "10.0.0.0/+8", "::ffff:10.0.0.0/104", "fe80::1%eth0/64"),
    ),
    "listen-ports": (
        *(None, '[{"HTTPS": 443}]', '[{"HTTP": 80}]', '[{"HTTP": 80}, {"HTTPS": 443}]', '[{"HTTP": 80, "HTTPS": 443}]'),
        *('[{"HTTPS": 443}, {"HTTPS": 8443}]', '[{"HTTP": 443}, {"HTTPS": 443}]', '[{"HTTPS": 443}, {"HTTP": 443}]'),
        *('[{"HTTP": 0}, {"HTTPS": 443}]', '[{"HTTP": 65536}]', '[{"HTTPS": "443"}]', '[{"HTTPS": 443.0}]'),
        *('[{"https": 443}]', '[{"TCP": 443}]', '[{"HTTPS": null}]', "[]", "{}", "", "443", '["HTTPS:443"]', "[null]"),
        *('{"HTTPS": 443}', "[{'HTTPS': 443}]", '[{"HTTPS": 443}', '[{"HTTPS": true}]', '[{"HTTPS": -443}]', "null"),
    ),
    "ssl-redirect": (None, "443", "80", "8443", "true", "", "443 ", "+443", "0443", "99999999999"),
    "certificate-arn": (None, "", " , ", f"{CERTIFICATE},{OTHER}", f" {CERTIFICATE} , ", CERTIFICATE),
    "ssl-policy": (None, *SSL_POLICIES[1:]),
    "backend-protocol": (None, "HTTP", "HTTPS", "https", "TLS", "GRPC", ""),
    "backend-protocol-version": (None, "HTTP1", "HTTP2", "GRPC", "HTTP/2", "http2"),
    "healthcheck-protocol": (None, "HTTPS", "TCP", "http", ""),
    "healthcheck-port": (None, "traffic-port", "15021", "status-port", "https", "http", "admin", "0", "Traffic-Port"),
    "healthcheck-path": (None, "/", "/healthz/ready?verbose", "healthz", ""),
    "healthcheck-interval-seconds": (
        None,
        "6",
        "300",
        "4",
        "301",
        "-15",
        "15s",
        "15.0",
        "",
        "1e1",
        "+20",
        "99999999999",
    ),
    "healthcheck-timeout-seconds": (None, "2", "14", "1", "15", "five"),
    "healthy-threshold-count": (None, "2", "10", "1", "11", "two"),
    "unhealthy-threshold-count": (None, "3", "0x3"),
    "success-codes": (None, "200,204", "200-299", "100", "2xx", "200-"),
    "load-balancer-attributes": (
        *(None, "", "idle_timeout.timeout_seconds=120", "deletion_protection.enabled", "=true", "a=1,b", "a=1,,b=2"),
        *(
            "deletion_protection.enabled = true , idle_timeout.timeout_seconds=60",
            "access_logs.s3.prefix=a\\,b",
            "a=b=c",
        ),
        *("a=1,", "a=1\\", "a=,b=2", ",a=1"),
    ),
    "target-group-attributes": ("stickiness.enabled=true", "stickiness.enabled:true"),
    "tags": (None, "team=mesh", "team=mesh,owner", "team", "=x", "team=a\\,b,stage=prod", "team=a,b,stage=prod"),
    "load-balancer-name": ("mesh", LONG),
    "ip-address-type": ("ipv4", "dualstack", "dualstack-without-public-ipv4", "ipv6", "IPv4"),
    "security-groups": ("sg-0123456789abcdef0",),
    "security-group-prefix-lists": ("pl-0123456789abcdef0",),
    "manage-backend-security-group-rules": ("true", "T"),
    "shield-advanced-protection": ("true", "yes"),
    "wafv2-acl-arn": (WEB_ACL, "none"),
    # Names that it does not know, each one letter from a name that it does.
    "inbound-cidr": ("10.0.0.0/8",),
    "ssl-policies": (SSL_POLICIES[0],),
    "Scheme": ("internet-facing",),
    "backend-protocl": ("HTTP",),
    "healthcheck-intervall-seconds": ("5",),
}
# What goes together: left out, wrong and open by more than one annotation.
TOGETHER: tuple[Mapping[str, str | None], ...] = (
    {"listen-ports": None, "ssl-redirect": None},
    {"listen-ports": None, "ssl-redirect": None, "certificate-arn": None},
    {"certificate-arn": None, "listen-ports": '[{"HTTP": 80}]', "ssl-redirect": None},
    {"listen-ports": '[{"HTTPS": 8443}, {"HTTP": 8080}]', "ssl-redirect": "8443"},
    {"listen-ports": '[{"HTTP": 80}, {"HTTPS": 443}, {"HTTPS": 8443}]', "ssl-redirect": "8443"},
    {"listen-ports": '[{"HTTPS": 443}]', "ssl-redirect": None},
    {"listen-ports": '[{"HTTP": 80}]', "ssl-redirect": None, "backend-protocol": "HTTP"},
    {"inbound-cidrs": None, "scheme": "internet-facing"},
    {"inbound-cidrs": None, "ip-address-type": "dualstack"},
    {"inbound-cidrs": "2001:db8::/32", "ip-address-type": "dualstack"},
    {"inbound-cidrs": None, "security-group-prefix-lists": "pl-0123456789abcdef0"},
    {"inbound-cidrs": None, "security-groups": "sg-0123456789abcdef0"},
    {"backend-protocol": None, "healthcheck-protocol": None},
    {"backend-protocol": "HTTP", "healthcheck-protocol": None, "healthcheck-port": None},
    {"backend-protocol-version": "GRPC", "success-codes": "0-99"},
    {"backend-protocol-version": "GRPC", "success-codes": None, "healthcheck-path": None},
    {"tags": "team=a\\\\,stage=prod", "load-balancer-attributes": "idle_timeout.timeout_seconds=60"},
)


def ingresses() -> tuple[Mapping[str, str], ...]:
    """The annotations of each, always the same ones."""
    planned = _annotations(_settings())
    return (*_planned(), *({**_without(planned, changes), **_set(changes)} for changes in _changes()))


def _changes() -> Iterator[Mapping[str, str | None]]:
    for name, values in VALUES.items():
        for value in values:
            yield {name: value}
    yield from TOGETHER


def _planned() -> Iterator[dict[str, str]]:
    """As the program gives them."""
    for changes in (
        {},
        {"scheme": "internet-facing"},
        {"allowed_cidrs": (IPv4Network("10.0.0.0/8"), IPv4Network("192.0.2.0/24"))},
        {"ssl_policy": SSL_POLICIES[-1]},
        {"deletion_protection": False},
        {"access_logs": AccessLogs(bucket="logs-of-the-mesh", prefix="alb/prod")},
        {"access_logs": AccessLogs(bucket="logs-of-the-mesh")},
    ):
        yield _annotations(_settings(**changes))
    yield _annotations(_settings(), tags={"team": "mesh", "note": "a,b=c\\d", "empty": ""})


def _settings(**changes: Any) -> LoadBalancer:
    fields: dict[str, Any] = {"domain": "mesh.example.com", "allowed_cidrs": (IPv4Network("10.0.0.0/8"),), **changes}
    return LoadBalancer(**fields)


def _annotations(settings: LoadBalancer, tags: Mapping[str, str] | None = None) -> dict[str, str]:
    document = alb_ingress(settings, certificate_arn=CERTIFICATE, tags=tags)
    return dict(document["metadata"]["annotations"])


def _without(notes: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in notes.items() if name.removeprefix(f"{PREFIX}/") not in changes}


def _set(changes: Mapping[str, str | None]) -> dict[str, str]:
    return {f"{PREFIX}/{name}": value for name, value in changes.items() if value is not None}

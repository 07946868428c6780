"""What the AWS Load Balancer Controller makes of an Ingress's annotations, or why it makes nothing.

It reads them long after the API server took the Ingress, says what is wrong in an Event, and passes over a name that it
does not know. Held to the controller's own code over a table of Ingresses (`make decisions`, tests/contract).
Sources: pkg/annotations/constants.go and pkg/ingress/model_build_*.go of the controller, v3.2.2.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PREFIX = "alb.ingress.kubernetes.io"
EVERYBODY = "0.0.0.0/0"

# One line for each family; `x.` stands for the names that begin with it.
_NAMES = """
    load-balancer-name group.name group.order tags ip-address-type scheme subnets customer-owned-ipv4-pool
    load-balancer-attributes minimum-load-balancer-capacity ipam-ipv4-pool-id
    wafv2-acl-arn wafv2-acl-name waf-acl-id web-acl-id shield-advanced-protection
    security-groups manage-backend-security-group-rules security-group-prefix-lists inbound-cidrs
    listen-ports ssl-redirect certificate-arn ssl-policy mutual-authentication listener-attributes.
    target-type target-node-labels target-group-attributes target-control-port. multi-cluster-target-group
    backend-protocol backend-protocol-version use-regex-path-match
    healthcheck-port healthcheck-protocol healthcheck-path healthcheck-interval-seconds healthcheck-timeout-seconds
    healthy-threshold-count unhealthy-threshold-count success-codes
    auth-type auth-idp-cognito auth-idp-oidc auth-on-unauthenticated-request auth-scope auth-session-cookie
    auth-session-timeout jwt-validation actions. conditions. transforms.
    enable-frontend-nlb frontend-nlb-scheme frontend-nlb-subnets frontend-nlb-security-groups
    frontend-nlb-listener-port-mapping frontend-nlb-eip-allocations frontend-nlb-healthcheck-port
    frontend-nlb-healthcheck-protocol frontend-nlb-healthcheck-path frontend-nlb-healthcheck-interval-seconds
    frontend-nlb-healthcheck-timeout-seconds frontend-nlb-healthcheck-healthy-threshold-count
    frontend-nlb-healthcheck-unhealthy-threshold-count frontend-nlb-healthcheck-success-codes
    frontend-nlb-attributes frontend-nlb-tags
"""
NAMES = frozenset(_NAMES.split())

# Seconds and counts that ELB takes, as far as the API's own reference bounds them.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
_NUMBERS = {
    "healthcheck-interval-seconds": (5, 300),
    "healthcheck-timeout-seconds": (2, 120),
    "healthy-threshold-count": (2, 10),
    "unhealthy-threshold-count": (2, 10),
}
_CHOICES = {
    "scheme": ("internal", "internet-facing"),
    "ip-address-type": ("ipv4", "dualstack", "dualstack-without-public-ipv4"),
    "target-type": ("instance", "ip"),
    "backend-protocol": ("HTTP", "HTTPS"),
    "backend-protocol-version": ("HTTP1", "HTTP2", "GRPC"),
    "healthcheck-protocol": ("HTTP", "HTTPS"),
}
_MAPS = ("tags", "load-balancer-attributes", "target-group-attributes")
_FLAGS = ("shield-advanced-protection", "manage-backend-security-group-rules", "multi-cluster-target-group")
# strconv.ParseBool and ParseInt(…, 10, 32)
_FLAG = re.compile("1|t|T|TRUE|true|True|0|f|F|FALSE|false|False")
_INT = re.compile(r"[+-]?[0-9]+", re.ASCII)
_PREFIX_LENGTH = re.compile("[0-9]{1,3}", re.ASCII)
_LEADING_ZERO = re.compile(r"(^|\.)0[0-9]")
_CODES = re.compile("[0-9]{1,3}(-[0-9]{1,3})?(,[0-9]{1,3}(-[0-9]{1,3})?)*", re.ASCII)
_NAME_LENGTH = 32
# The gateway's Service by the names of its ports (manifests/istio_values.py).
_SERVICE_PORTS = {"https": "8443", "status-port": "15021"}


class Refused(Exception):
    """annotation: without the prefix; value: what stands there, None if nothing does; rule: a sentence."""

    def __init__(self, annotation: str, value: str | None, rule: str) -> None:
        super().__init__(f"{annotation}: {rule}")
        self.annotation, self.value, self.rule = annotation, value, rule


@dataclass(frozen=True, kw_only=True)
class Listener:
    """redirect: the port that it sends to, None if it forwards."""

    port: int
    protocol: str
    redirect: int | None


@dataclass(frozen=True, kw_only=True)
class Alb:
    """allowed: ranges of the group that the controller makes, None where the groups are somebody's own.

    tls_policy: None where the API takes its oldest, ELBSecurityPolicy-2016-08.
    """

    scheme: str
    listeners: tuple[Listener, ...]
    allowed: tuple[str, ...] | None
    tls_policy: str | None
    certificates: tuple[str, ...]
    target_type: str
    target_protocol: str
    target_version: str
    health_port: str
    health_protocol: str


def unknown_names(annotations: Mapping[str, Any]) -> Iterator[str]:
    """The names, without the prefix, that the controller passes over without a word."""
    for name in annotations:
        prefix, _, suffix = name.partition("/")
        if prefix == PREFIX and suffix not in NAMES and f"{suffix.partition('.')[0]}." not in NAMES:
            yield suffix


def read(annotations: Mapping[str, Any]) -> Alb:
    """The ALB of an Ingress with these annotations and the gateway's Service behind it. Raises `Refused`.

    A value that is no text is not known yet and taken as it is.
    """
    notes = {
        name.removeprefix(f"{PREFIX}/"): value for name, value in annotations.items() if name.startswith(f"{PREFIX}/")
    }
    known = {name: value for name, value in notes.items() if isinstance(value, str)}
    chosen = {name: _choice(known, name) for name in _CHOICES}
    _scalars(known)
    certified = _certified(notes)
    ports = _ports(known, certificate=certified)
    redirect = _redirect(known, ports)
    ranges = _ranges(known, dual=(chosen["ip-address-type"] or "ipv4") != "ipv4")
    target_protocol = chosen["backend-protocol"] or "HTTP"
    health_port = known.get("healthcheck-port", "traffic-port")
    # Without one the controller looks for certificates of the Ingress's hosts, and the gateway's Ingress names none.
    if "HTTPS" in ports.values() and not certified:
        raise Refused(
            "certificate-arn", notes.get("certificate-arn") or None, "A listener of HTTPS needs a certificate."
        )
    return Alb(
        scheme=chosen["scheme"] or "internal",
        listeners=tuple(
            Listener(port=port, protocol=protocol, redirect=redirect if protocol == "HTTP" else None)
            for port, protocol in sorted(ports.items())
        ),
        allowed=ranges,
        tls_policy=known.get("ssl-policy"),
        certificates=_items(known.get("certificate-arn", "")),
        target_type=chosen["target-type"] or "instance",
        target_protocol=target_protocol,
        target_version=chosen["backend-protocol-version"] or "HTTP1",
        health_port=_SERVICE_PORTS.get(health_port, health_port),
        health_protocol=chosen["healthcheck-protocol"] or target_protocol,
    )


def _scalars(notes: Mapping[str, str]) -> None:
    for name, (least, most) in _NUMBERS.items():
        number = _number(notes, name)
        if number is not None and not least <= number <= most:
            raise Refused(name, notes[name], f"AWS takes {least} to {most}.")
    interval, timeout = (_number(notes, f"healthcheck-{what}-seconds") for what in ("interval", "timeout"))
    if (timeout or 5) >= (interval or 15):
        raise Refused("healthcheck-timeout-seconds", notes.get("healthcheck-timeout-seconds"), _SHORTER)
    for name in _MAPS:
        if name in notes:
            parsed_map(name, notes[name])
    for name in _FLAGS:
        if name in notes and not _FLAG.fullmatch(notes[name]):
            raise Refused(name, notes[name], "It is neither true nor false.")
    if notes.get("target-type", "instance") == "instance":
        raise Refused("target-type", notes.get("target-type"), "The gateway's Service has no node ports: say ip.")
    if len(notes.get("load-balancer-name", "")) > _NAME_LENGTH:
        raise Refused("load-balancer-name", notes["load-balancer-name"], f"It has over {_NAME_LENGTH} characters.")
    _codes(notes)
    _health_check(notes)


def _health_check(notes: Mapping[str, str]) -> None:
    path = notes.get("healthcheck-path", "/")
    if not path.startswith("/") or len(path) > 1024:
        raise Refused("healthcheck-path", path, "AWS takes a path that begins with / and has up to 1024 characters.")
    port = notes.get("healthcheck-port", "traffic-port")
    if _INT.fullmatch(port) and not 1 <= int(port) <= 65535:
        raise Refused("healthcheck-port", port, "It is no port.")
    if not _INT.fullmatch(port) and port not in ("traffic-port", *_SERVICE_PORTS):
        raise Refused("healthcheck-port", port, "It is neither a number nor one of the Service's ports.")


_SHORTER = "AWS takes a timeout that is shorter than the interval; without annotations they are 5 and 15 s."


def _codes(notes: Mapping[str, str]) -> None:
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Matcher.html
    grpc = notes.get("backend-protocol-version") == "GRPC"
    low, high = (0, 99) if grpc else (200, 499)
    codes = notes.get("success-codes", "12" if grpc else "200")
    if not _CODES.fullmatch(codes) or not all(low <= int(code) <= high for code in re.split("[-,]", codes)):
        raise Refused(
            "success-codes", codes, f"AWS takes codes of {low} to {high}: one, several (a,b) or a range (a-b)."
        )


def _choice(notes: Mapping[str, str], name: str) -> str | None:
    value = notes.get(name)
    if value is not None and value not in _CHOICES[name]:
        raise Refused(name, value, f"It must be one of {', '.join(_CHOICES[name])}.")
    return value


def _number(notes: Mapping[str, str], name: str) -> int | None:
    text = notes.get(name)
    if text is None:
        return None
    if not _INT.fullmatch(text) or not -(2**31) <= int(text) < 2**31:
        raise Refused(name, text, "It is not a whole number.")
    return int(text)


def _ports(notes: Mapping[str, str], *, certificate: bool) -> dict[int, str]:
    """Port -> protocol; a port that is named twice is the last one's."""
    text = notes.get("listen-ports")
    if text is None:
        return {443: "HTTPS"} if certificate else {80: "HTTP"}
    refusal = Refused("listen-ports", text, 'Write it as [{"HTTP": 80}, {"HTTPS": 443}].')
    try:
        entries = json.loads(text)
    except ValueError:
        raise refusal from None
    if not isinstance(entries, list) or not entries:
        raise refusal
    ports: dict[int, str] = {}
    for entry in entries:
        if not isinstance(entry, dict):
            raise refusal
        for protocol, port in entry.items():
            if protocol not in ("HTTP", "HTTPS") or type(port) is not int or not 1 <= port <= 65535:
                raise refusal
            ports[port] = protocol
    return ports


def _redirect(notes: Mapping[str, str], ports: Mapping[int, str]) -> int | None:
    port = _number(notes, "ssl-redirect")
    if port is not None and ports.get(port) != "HTTPS":
        raise Refused("ssl-redirect", notes["ssl-redirect"], "It must be a port on which listen-ports has HTTPS.")
    return port


def _certified(notes: Mapping[str, Any]) -> bool:
    value = notes.get("certificate-arn", "")
    return not isinstance(value, str) or bool(_items(value))


def _ranges(notes: Mapping[str, str], *, dual: bool) -> tuple[str, ...] | None:
    """Whom the controller's group admits. No range means everybody."""
    given = _items(notes.get("inbound-cidrs", ""))
    for each in given:
        if not _is_range(each):
            raise Refused("inbound-cidrs", each, "It is no address range, like 192.0.2.0/24.")
    if "security-groups" in notes:
        return None
    lists = _items(notes.get("security-group-prefix-lists", ""))
    if not given and not lists:
        given = (EVERYBODY, "::/0")
    return tuple(each for each in given if dual or ":" not in each)


def _is_range(text: str) -> bool:
    """As Go's net.ParseCIDR takes it: bits behind the prefix may be set, masks and leading zeros are refused."""
    address, slash, length = text.partition("/")
    if not slash or not _PREFIX_LENGTH.fullmatch(length) or "%" in address or _LEADING_ZERO.search(address):
        return False
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return True


def parsed_map(name: str, text: str) -> dict[str, str]:
    """`a=1,b=2` as the controller reads it: `\\,` is a comma of a value. Raises `Refused`."""
    pairs: dict[str, str] = {}
    for pair in _pairs(text):
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise Refused(name, text, "Write it as key=value,key=value; a comma in a value as \\,.")
        pairs[key.strip()] = value.strip()
    return pairs


def _pairs(text: str) -> Iterator[str]:
    current, position = "", 0
    while position < len(text):
        character = text[position]
        rest = text[position + 1 :].strip()
        if character == "\\" and position + 1 < len(text):
            current += text[position + 1]
            position += 1
        elif character != "," or not rest:
            current += character
        else:
            yield current.strip()
            current = ""
            if "=" not in rest:
                yield rest
                return
        position += 1
    if current:
        yield current.strip()


def _items(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())

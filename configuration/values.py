"""The kinds of value a setting may have, each with its rule and the source of that rule."""

from __future__ import annotations

import ipaddress
import re
from ipaddress import IPv4Network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from configuration.problems import rejection

_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_EKS_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")
_PRIVATE_IMAGE_REGISTRY = re.compile(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9._/-]+)?")


def _cidr(value: Any) -> IPv4Network:
    text = str(value)
    try:
        return IPv4Network(text)
    except ValueError:
        pass
    try:
        canonical = IPv4Network(text, strict=False)
    except ValueError:
        raise rejection("It must be an IPv4 network in CIDR form.", 'Write it as "10.20.0.0/16".') from None
    raise rejection(
        "A CIDR must not have host bits set: AWS would silently take another network than the one written.",
        f'Write "{canonical}".',
    )


def is_label(value: str) -> bool:
    """Whether it may be a name: see `Label`."""
    # 60, not 63: the names derived from it (`<name>-sa`) must be labels too.
    return bool(_LABEL.fullmatch(value)) and len(value) <= 60


def _label(value: str) -> str:
    if not is_label(value):
        raise rejection(
            "A name must be a DNS label (RFC 1035): a-z, 0-9 and '-', beginning with a letter, at most 60 long.",
            "Rename it; it becomes part of Service names, service accounts and SPIFFE identities.",
        )
    return value


def _cluster_name(value: str) -> str:
    if not _EKS_NAME.fullmatch(value):
        raise rejection(
            "An EKS cluster's name has 1 to 100 characters: letters, digits, '-' and '_', "
            "beginning with a letter or a digit.",
            f"Choose a name of that form (this one has {len(value)} characters).",
        )
    return value


def _host(value: str) -> str:
    if "*" in value:
        raise rejection(
            "A wildcard is not a host: it opens every name below it, declared or not.", "Name each host in full."
        )
    if _is_address(value):
        raise rejection(
            "An IP address is not a host: it carries no name that TLS or the mesh could check.",
            "Use the DNS name of the service.",
        )
    if not _HOST.fullmatch(value):
        raise rejection(
            "A host is a fully qualified DNS name in lower case.", 'Write it as "api.example.com", without scheme.'
        )
    return value


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return True


def _port(value: int) -> int:
    if not 1 <= value <= 65535:
        raise rejection("A port is a number from 1 to 65535.", "Use the port the process listens on.")
    # https://istio.io/latest/docs/ops/deployment/application-requirements/#ports-used-by-istio
    if value in range(15000, 15100):
        raise rejection(
            "Ports 15000 to 15099 belong to the sidecar; traffic to some of them bypasses every policy.",
            "Let the application listen on another port.",
        )
    return value


def _image_registry(value: str) -> str:
    if not _PRIVATE_IMAGE_REGISTRY.fullmatch(value) or value.endswith("/"):
        raise rejection(
            "It must be a registry host with an optional path prefix, without scheme and trailing slash.",
            'Write it as "111122223333.dkr.ecr.eu-west-1.amazonaws.com/mesh".',
        )
    return value


def _strict_string(value: Any) -> Any:
    # YAML reads 1.30 as the number 1.3: a version must be quoted, or the wrong one is taken.
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise rejection(
            "A version is text; YAML reads an unquoted 1.30 as 1.3.",
            f'Put it in quotes, with every digit that was meant: "{value}0", if not "{value}".',
        )
    return value


def within(minimum: int, maximum: int, unit: str) -> AfterValidator:
    """A whole number from `minimum` to `maximum`, counted in `unit`."""

    def check(value: int) -> int:
        if not minimum <= value <= maximum:
            raise rejection(f"It must be from {minimum} to {maximum} {unit}.", "Choose a number in that range.")
        return value

    return AfterValidator(check)


def matching(form: str, rule: str, remedy: str) -> AfterValidator:
    """Text that a regular expression matches as a whole. rule: the form in words."""
    pattern = re.compile(form, re.ASCII)

    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise rejection(rule, remedy)
        return value

    return AfterValidator(check)


def whole(value: Any) -> Any:
    """Pulumi's configuration hands whole numbers over as floats or text; a fraction is still refused."""
    if isinstance(value, bool):
        raise rejection("It must be a whole number; true and false count nothing.", "Write a number.")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


Whole = Annotated[int, BeforeValidator(whole)]
Cidr = Annotated[IPv4Network, BeforeValidator(_cidr)]
Label = Annotated[str, AfterValidator(_label)]
ClusterName = Annotated[str, AfterValidator(_cluster_name)]
Host = Annotated[str, AfterValidator(_host)]
Port = Annotated[Whole, AfterValidator(_port)]
ImageRegistry = Annotated[str, AfterValidator(_image_registry)]
VersionText = Annotated[
    str,
    BeforeValidator(_strict_string),
    matching(r"\d{1,3}\.\d{1,3}(\.\d{1,3})?", "It must be a version: numbers and dots.", 'Write it as "1.35".'),
]

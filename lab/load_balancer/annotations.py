"""Annotations as the AWS Load Balancer Controller reads them, each with the rule that it must obey.

Sources: the controller's docs/guide/ingress/annotations and docs/guide/service/annotations, and the limits of the ELB
API. An annotation that is not known here is refused, which is stricter than the controller: it ignores a misspelt one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network

from lab.load_balancer.model import HealthCheck, Refusal

_CODES = re.compile(r"[2-4]\d\d(-[2-4]\d\d)?(,[2-4]\d\d(-[2-4]\d\d)?)*")


@dataclass(frozen=True, kw_only=True)
class Annotations:
    """The annotations of one object below a prefix. layers: the one that wins first."""

    source: str
    prefix: str
    layers: tuple[Mapping[str, str], ...]

    @classmethod
    def read(
        cls,
        source: str,
        prefix: str,
        *layers: Mapping[str, str] | None,
        known: Iterable[str],
    ) -> Annotations:
        """What begins with `prefix` in each layer. Raises Refusal if a name is not known."""
        names = frozenset(known)
        below = tuple(
            {key.removeprefix(prefix): value for key, value in (layer or {}).items() if key.startswith(prefix)}
            for layer in layers
        )
        if unknown := sorted({key for layer in below for key in layer} - names):
            raise Refusal(f"annotation {prefix}{unknown[0]} is not known", only_here=True)
        return cls(source=source, prefix=prefix, layers=below)

    def text(self, name: str, default: str = "") -> str:
        for layer in self.layers:
            if name in layer:
                return layer[name]
        return default

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.text(name, default)
        if value not in allowed:
            raise self.wrong(name, value, f"it must be one of {', '.join(allowed)}")
        return value

    def number(self, name: str, default: int, *, least: int, most: int, reason: str = "FailedDeployModel") -> int:
        """A whole number within AWS's limits, both included."""
        value = self.text(name, str(default))
        if not value.isascii() or not value.isdigit():
            raise self.wrong(name, value, "it must be a whole number")
        if not least <= int(value) <= most:
            raise self.wrong(name, value, f"it must be from {least} to {most}", reason=reason)
        return int(value)

    def pairs(self, name: str, known: frozenset[str] | None = None) -> dict[str, str]:
        """`a=1,b=2`; a backslash takes the meaning from the comma after it. known: the keys with a meaning here."""
        made: dict[str, str] = {}
        for part in re.split(r"(?<!\\),", self.text(name)) if self.text(name) else ():
            key, equals, value = part.strip().partition("=")
            if not key or not equals:
                raise self.wrong(name, part, "each part must be key=value")
            if known is not None and key not in known:
                raise self.wrong(name, key, "this key is not known", only_here=True)
            made[key] = value.replace("\\,", ",").replace("\\\\", "\\")
        return made

    def flag(self, name: str, pairs: Mapping[str, str], key: str, *, default: bool = False) -> bool:
        """A `true` or `false` among the pairs of an annotation."""
        value = pairs.get(key, "true" if default else "false")
        if value not in ("true", "false"):
            raise self.wrong(name, f"{key}={value}", "it must be true or false", reason="FailedDeployModel")
        return value == "true"

    def seconds(self, name: str, pairs: Mapping[str, str], key: str, default: int, *, least: int, most: int) -> int:
        """A number of seconds among the pairs of an annotation."""
        value = pairs.get(key, str(default))
        if not value.isdigit() or not least <= int(value) <= most:
            rule = f"it must be from {least} to {most} seconds"
            raise self.wrong(name, f"{key}={value}", rule, reason="FailedDeployModel")
        return int(value)

    def cidrs(self, name: str) -> tuple[str, ...]:
        """IPv4 ranges between commas; everyone if the annotation is left out."""
        made = tuple(part.strip() for part in self.text(name, "0.0.0.0/0").split(","))
        for cidr in made:
            try:
                IPv4Network(cidr)
            except ValueError as problem:
                raise self.wrong(name, cidr, f"it must be an IPv4 range: {problem}") from None
        return made

    def listen_ports(self, default: str) -> tuple[tuple[str, int], ...]:
        """`[{"HTTP": 80}, {"HTTPS": 443}]` as pairs of protocol and port."""
        value = self.text("listen-ports", default)
        rule = 'it must be like [{"HTTP": 80}, {"HTTPS": 443}]'
        try:
            ports = tuple((protocol, port) for entry in json.loads(value) for protocol, port in entry.items())
        except (json.JSONDecodeError, AttributeError, TypeError):
            raise self.wrong("listen-ports", value, rule) from None
        for protocol, port in ports:
            if protocol not in ("HTTP", "HTTPS") or not isinstance(port, int) or not 1 <= port <= 65535:
                raise self.wrong("listen-ports", value, rule)
        if len({port for _, port in ports}) != len(ports) or not ports:
            raise self.wrong("listen-ports", value, "each port once, and at least one")
        return ports

    def wrong(
        self, name: str, value: str, rule: str, *, reason: str = "FailedBuildModel", only_here: bool = False
    ) -> Refusal:
        return Refusal(f"{self.prefix}{name} is {value!r}: {rule}", reason=reason, only_here=only_here)


@dataclass(frozen=True, kw_only=True)
class CheckNames:
    """What the annotations of health checks are called, and their defaults: an Ingress's and a Service's differ."""

    protocol: str
    port: str
    path: str
    interval: str
    timeout: str
    healthy: str
    unhealthy: str
    codes: str
    thresholds: int
    seconds: tuple[int, int]
    default_codes: str

    @property
    def all(self) -> tuple[str, ...]:
        ways = (self.protocol, self.port, self.path, self.codes)
        return (*ways, self.interval, self.timeout, self.healthy, self.unhealthy)


INGRESS_CHECK = CheckNames(
    protocol="healthcheck-protocol",
    port="healthcheck-port",
    path="healthcheck-path",
    interval="healthcheck-interval-seconds",
    timeout="healthcheck-timeout-seconds",
    healthy="healthy-threshold-count",
    unhealthy="unhealthy-threshold-count",
    codes="success-codes",
    thresholds=2,
    seconds=(15, 5),
    default_codes="200",
)
SERVICE_CHECK = CheckNames(
    protocol="healthcheck-protocol",
    port="healthcheck-port",
    path="healthcheck-path",
    interval="healthcheck-interval",
    timeout="healthcheck-timeout",
    healthy="healthcheck-healthy-threshold",
    unhealthy="healthcheck-unhealthy-threshold",
    codes="healthcheck-success-codes",
    thresholds=3,
    seconds=(10, 10),
    default_codes="200-399",
)


def health_check(given: Annotations, names: CheckNames, *, protocols: tuple[str, ...], default: str) -> HealthCheck:
    """The health checks of a target group. default: their protocol if the annotation is left out."""
    # A Service's protocols may be written small.
    protocol = given.text(names.protocol, default).upper()
    if protocol not in protocols:
        raise given.wrong(names.protocol, protocol, f"it must be one of {', '.join(protocols)}")
    port = given.text(names.port, "traffic-port")
    interval = given.number(names.interval, names.seconds[0], least=5, most=300)
    timeout = given.number(names.timeout, names.seconds[1], least=2, most=120)
    if timeout > interval or (timeout == interval and "TCP" not in protocols):
        rule = f"it must be less than the interval, {interval}"
        raise given.wrong(names.timeout, str(timeout), rule, reason="FailedDeployModel")
    codes = given.text(names.codes, names.default_codes)
    if not _CODES.fullmatch(codes):
        raise given.wrong(names.codes, codes, "it must be like 200 or 200-299,301", reason="FailedDeployModel")
    path = given.text(names.path, "/")
    if not path.startswith("/"):
        raise given.wrong(names.path, path, "it must begin with /", reason="FailedDeployModel")
    return HealthCheck(
        protocol=protocol,  # ty: ignore[invalid-argument-type]
        port=None if port == "traffic-port" else given.number(names.port, 0, least=1, most=65535),
        path=path,
        interval=interval,
        timeout=timeout,
        healthy=given.number(names.healthy, names.thresholds, least=2, most=10),
        unhealthy=given.number(names.unhealthy, names.thresholds, least=2, most=10),
        codes=codes,
    )

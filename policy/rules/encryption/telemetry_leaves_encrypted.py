"""MR310: The collector sends traces over TLS that it checks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack


@rule(
    "MR310",
    "Encryption",
    title="The collector sends traces over TLS that it checks.",
    why="A trace holds every path, caller and time; in plaintext the network reads along.",
    source="https://opentelemetry.io/docs/collector/configuration/; "
    "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html",
    severity="high",
    remedy="An https:// endpoint, and neither tls.insecure nor tls.insecure_skip_verify.",
    about=("ConfigMap",),
)
def telemetry_leaves_encrypted(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    for name, text in (resource.at("data") or {}).items():
        try:
            content = json.loads(text)
        except (TypeError, ValueError):
            continue
        if isinstance(content, dict):
            yield from _exporters(content.get("exporters") or {}, f"data[{name}].exporters")


def _exporters(value: Any, path: str) -> Iterator[Flaw]:
    for key, item in value.items():
        if isinstance(item, dict):
            yield from _exporters(item, f"{path}.{key}")
        elif key in ("insecure", "insecure_skip_verify") and item:
            yield Flaw(field=f"{path}.{key}", value="true")
        elif key.endswith("endpoint") and str(item).startswith("http:"):
            yield Flaw(field=f"{path}.{key}", value=str(item))

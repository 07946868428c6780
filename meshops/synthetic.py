"""Synthetic applications for measurements: as many as asked for, in the form of a stack's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from configuration.settings import PROJECT
from offline.values import Secret

_PER_NAMESPACE = 50


def with_applications(config: Mapping[str, Any], count: int) -> dict[str, Any]:
    """A stack's configuration with `count` applications in place of its own.

    Each has a port, one caller and one external host; one in ten has a public host below the stack's domain. They
    are spread over namespaces of 50.
    """
    balancer = config.get(f"{PROJECT}:loadBalancer")
    text = balancer.value if isinstance(balancer, Secret) else balancer
    domain = json.loads(text)["domain"] if isinstance(text, str) else (text or {}).get("domain", "example.com")
    namespaces = [
        {
            "name": f"synthetic-{first // _PER_NAMESPACE:03}",
            "phase": "strict",
            "applications": [
                _application(number, first, domain) for number in range(first, min(first + _PER_NAMESPACE, count))
            ],
        }
        for first in range(0, count, _PER_NAMESPACE)
    ]
    return {**config, f"{PROJECT}:namespaces": json.dumps(namespaces)}


def _application(number: int, first: int, domain: str) -> dict[str, Any]:
    application: dict[str, Any] = {
        "name": f"app-{number:04}",
        "image": f"ghcr.io/example/app-{number:04}:v1.0.0",
        "port": 8080,
        "egress": [{"host": f"partner-{number:04}.example.org"}],
    }
    if number > first:
        application["callers"] = [{"application": f"app-{number - 1:04}", "methods": ["GET"], "paths": ["/api/*"]}]
    if number % 10 == 0:
        application["hosts"] = [f"app-{number:04}.{domain}"]
    return application

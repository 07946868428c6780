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
    domain = _section(config, "loadBalancer").get("domain", "example.com")
    cluster = _section(config, "cluster")
    # Who may work in the namespaces that are replaced has nothing to work in.
    cluster["access"] = [entry for entry in cluster.get("access", ()) if not entry.get("namespaces")]
    text = json.dumps(cluster)
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
    return {
        **config,
        f"{PROJECT}:cluster": Secret(text) if isinstance(config.get(f"{PROJECT}:cluster"), Secret) else text,
        f"{PROJECT}:namespaces": json.dumps(namespaces),
    }


def _section(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """As structured values or as JSON text, secret or not: the way the engine hands it over."""
    value = config.get(f"{PROJECT}:{name}")
    text = value.value if isinstance(value, Secret) else value
    return json.loads(text) if isinstance(text, str) else dict(text or {})


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

"""A small valid stack for the preflight tests, varied by keyword."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from configuration.parsing import parse
from configuration.settings import Settings
from meshops.tools import Tools

REGION = "eu-west-1"
ARN = f"arn:aws:acm:{REGION}:123456789012:certificate/00000000-0000-0000-0000-000000000000"


CLUSTER: dict[str, Any] = {
    "name": "mesh-test",
    "privateAccessCidrs": ["10.250.0.0/24"],
    "access": [{"principalArn": "arn:aws:iam::123456789012:role/deploy/mesh", "policy": "ClusterAdmin"}],
}


def settings_of(
    *,
    network: dict[str, Any] | None = None,
    cluster: dict[str, Any] | None = None,
    hosts: tuple[str, ...] = ("app.test.example.com",),
    **load_balancer: Any,
) -> Settings:
    """load_balancer: keys of that section, over a domain test.example.com with a hosted zone."""
    balancer: dict[str, Any] = {
        "domain": "test.example.com",
        "hostedZoneId": "Z0123456789ABCDEFGHIJ",
        "allowedCidrs": ["10.0.0.0/8"],
        **load_balancer,
    }
    applications = [
        {"name": f"app-{number}", "image": "ghcr.io/example/app:v1", "port": 8080, "hosts": [host]}
        for number, host in enumerate(hosts)
    ]
    tree = {
        "environment": "test",
        "network": network or {"cidr": "10.0.0.0/16", "zones": ["eu-west-1a", "eu-west-1b"]},
        "cluster": cluster or CLUSTER,
        "loadBalancer": balancer,
        "namespaces": [{"name": "shop", "phase": "strict", "applications": applications}],
    }
    config = {f"zero-trust-mesh:{key}": json.dumps(value) for key, value in tree.items() if key != "environment"}
    return parse("test", {"aws:region": REGION, "zero-trust-mesh:environment": "test", **config})


def kubectl(directory: Path, server: str, *pods: dict[str, Any]) -> Tools:
    """A kubectl whose kubeconfig is of this server, with these pods in the cluster (directory/pods)."""
    program = directory / "kubectl"
    (directory / "pods").write_text(json.dumps({"items": pods}))
    program.write_text(f'#!/bin/sh\nif [ "$1" = config ]; then echo {server}; else cat {directory}/pods; fi\n')
    program.chmod(0o755)
    return Tools(kubectl=str(program))

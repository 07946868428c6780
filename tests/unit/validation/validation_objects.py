"""Objects of the kinds that the program submits, each valid, and ways to spoil them."""

from __future__ import annotations

import copy
from typing import Any

from offline.registration import Registration


def registered(document: dict[str, Any], *, name: str | None = None, patch: bool = False) -> Registration:
    metadata = document["metadata"]
    logical = name or f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
    kind = document["kind"] + ("Patch" if patch else "")
    type_ = f"kubernetes:{document['apiVersion']}:{kind}"
    return Registration(
        urn=f"urn:pulumi:dev::zero-trust-mesh::{type_}::{logical}",
        type=type_,
        name=logical,
        parent="",
        provider="",
        depends_on=(),
        property_dependencies={},
        inputs=document,
        custom=True,
    )


def document(api_version: str, kind: str, spec: dict[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    metadata = {"name": "one", "namespace": "shop"}
    body = {"spec": spec} if spec is not None else {}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body, **rest}


NAMESPACE = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "shop", "labels": {"istio.io/rev": "stable"}},
}
DEPLOYMENT = document(
    "apps/v1",
    "Deployment",
    {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "cart"}},
        "template": {
            "metadata": {"labels": {"app": "cart"}},
            "spec": {
                "containers": [
                    {
                        "name": "cart",
                        "image": "registry.example.com/cart:v1",
                        "ports": [{"containerPort": 8080}],
                        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
                        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                    }
                ],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
            },
        },
    },
)
SERVICE = document(
    "v1", "Service", {"selector": {"app": "cart"}, "ports": [{"name": "http", "port": 8080, "targetPort": 8080}]}
)
RULE = document(
    "networking.istio.io/v1",
    "DestinationRule",
    {"host": "cart.shop.svc.cluster.local", "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}},
)
ENTRY = document(
    "networking.istio.io/v1",
    "ServiceEntry",
    {
        "hosts": ["api.example.org"],
        "ports": [{"number": 443, "name": "tls", "protocol": "TLS"}],
        "resolution": "DNS",
        "location": "MESH_EXTERNAL",
    },
)
POLICY = document(
    "security.istio.io/v1",
    "AuthorizationPolicy",
    {"selector": {"matchLabels": {"app": "cart"}}, "action": "ALLOW", "rules": [{"to": [{"operation": {}}]}]},
)
CERTIFICATE = document(
    "cert-manager.io/v1",
    "Certificate",
    {
        "secretName": "tls",
        "dnsNames": ["example.com"],
        "issuerRef": {"name": "self-signed", "kind": "ClusterIssuer"},
        "privateKey": {"algorithm": "ECDSA", "size": 256},
    },
)
NETWORK_POLICY = document(
    "networking.k8s.io/v1",
    "NetworkPolicy",
    {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]},
)
VALID = (NAMESPACE, DEPLOYMENT, SERVICE, RULE, ENTRY, POLICY, CERTIFICATE, NETWORK_POLICY)


def changed(original: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with the value at a path of keys and positions; None takes it away."""
    result = copy.deepcopy(original)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    target: Any = result
    for step in steps:
        target = target[step] if isinstance(target, list) else target.setdefault(step, {})
    if value is None:
        del target[last]
    elif isinstance(target, list) and last == len(target):
        target.append(value)
    else:
        target[last] = value
    return result

"""Secrets of AWS Secrets Manager in an application's pods: files, by the Secrets Store CSI driver and AWS's provider.

Files and not variables: the EKS add-on takes `syncSecret.enabled` and does not pass it on to the driver, which then may
not make Kubernetes Secrets (https://github.com/aws/secrets-store-csi-driver-provider-aws/issues/597).
The provider asks AWS from the node's side, with the pod's token and so the application's own role: nothing of it passes
the sidecar or the pod's NetworkPolicy.
https://docs.aws.amazon.com/secretsmanager/latest/userguide/ascp-pod-identity-integration.html
"""

from __future__ import annotations

import json
from typing import Any

from configuration.applications import MANAGED_SECRETS, Application
from manifests.document import Document, document
from manifests.mesh_graph import Member

VOLUME = "secrets-manager"
DRIVER = "secrets-store.csi.k8s.io"


def file_of(variable: str) -> str:
    """The path that the variable holds."""
    return f"{MANAGED_SECRETS}/{variable}"


def class_name(application: Application) -> str:
    return f"{application.name}-secrets-manager"


def secret_provider_class(member: Member, *, region: str) -> Document | None:
    """Which secrets become which files; None for an application without any."""
    application = member.application
    if not application.managed_secrets:
        return None
    return document(
        "secrets-store.csi.x-k8s.io/v1",
        "SecretProviderClass",
        class_name(application),
        namespace=member.namespace.name,
        labels={"app.kubernetes.io/name": application.name, "app.kubernetes.io/managed-by": "pulumi"},
        spec={
            "provider": "aws",
            # JSON is YAML, which the provider reads.
            "parameters": {"objects": json.dumps(_objects(application)), "region": region, "usePodIdentity": "true"},
        },
    )


def volumes(application: Application) -> list[dict[str, Any]]:
    """Of its pods. Pod Security's `restricted` admits it: https://kubernetes.io/docs/concepts/security/pod-security-standards/"""
    if not application.managed_secrets:
        return []
    attributes = {"secretProviderClass": class_name(application)}
    return [{"name": VOLUME, "csi": {"driver": DRIVER, "readOnly": True, "volumeAttributes": attributes}}]


def mounts(application: Application) -> list[dict[str, Any]]:
    return [{"name": VOLUME, "mountPath": MANAGED_SECRETS, "readOnly": True}] if application.managed_secrets else []


def _objects(application: Application) -> list[dict[str, Any]]:
    """One for each secret. The provider writes the whole of it beside its keys, under a name that no variable has."""
    by_secret: dict[str, dict[str, str]] = {}
    for variable, (name, key) in application.managed_secrets.items():
        by_secret.setdefault(name, {})[key] = variable
    found: list[dict[str, Any]] = []
    for name, keys in sorted(by_secret.items()):
        entries = [{"path": key, "objectAlias": variable} for key, variable in sorted(keys.items()) if key]
        found.append(
            {
                "objectName": name,
                "objectType": "secretsmanager",
                "objectAlias": keys.get("") or f"{min(keys.values())}.whole",
                **({"jmesPath": entries} if entries else {}),
            }
        )
    return found

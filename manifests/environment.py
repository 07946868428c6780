"""The environment of an application's container: plain text, and what comes from Kubernetes Secrets."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from configuration.applications import Application, FromSecret
from configuration.kinds.secrets import Secrets
from manifests.document import Document, document
from manifests.mesh_graph import Member
from manifests.secrets_manager import file_of

CHECKSUM_ANNOTATION = "checksum/environment"


def variables(application: Application) -> list[dict[str, Any]]:
    """The container's `env`, by name. No secret stands in it, only where to find it."""
    return [
        {"name": name, **_source(application, name, value)} for name, value in sorted(application.environment.items())
    ]


def environment_secret(member: Member, secrets: Secrets) -> Document | None:
    """The Kubernetes Secret of an application, a key for each variable; None if it has no secret.

    Its data is in the clear here, in base64: whoever submits it marks it.
    """
    values = _values(member.application, secrets)
    if not values:
        return None
    return document(
        "v1",
        "Secret",
        secret_name(member.application),
        namespace=member.namespace.name,
        labels={"app.kubernetes.io/name": member.application.name, "app.kubernetes.io/managed-by": "pulumi"},
        type="Opaque",
        # Not stringData: server-side apply never takes a key of that away again.
        # https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/
        data={name: base64.b64encode(value.encode()).decode() for name, value in values.items()},
    )


def environment_checksum(member: Member, secrets: Secrets) -> dict[str, str]:
    """An annotation for the pods: they roll when a secret of theirs changes. Empty without any.

    Whoever sees pods sees it, so it is made with the stack's key: a plain hash of a short secret is found by trying.
    Namespace and application are in it, or the same hash would tell that two share a password.
    """
    values = _values(member.application, secrets)
    if not values or secrets.key is None:
        return {}
    text = json.dumps([member.namespace.name, member.application.name, values], sort_keys=True)
    key = secrets.key.get_secret_value().encode()
    return {CHECKSUM_ANNOTATION: hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]}


def secret_name(application: Application) -> str:
    return f"{application.name}-environment"


def secret_reference(application: Application, variable: str, value: FromSecret) -> str:
    """`name/key` of the Kubernetes Secret that the variable comes from."""
    return value.secret_ref or f"{secret_name(application)}/{variable}"


def _source(application: Application, variable: str, value: str | FromSecret) -> dict[str, Any]:
    if isinstance(value, str):
        return {"value": value}
    return {"value": file_of(variable)} if value.secrets_manager else _from_secret(application, variable, value)


def _from_secret(application: Application, variable: str, value: FromSecret) -> dict[str, Any]:
    name, _, key = secret_reference(application, variable, value).partition("/")
    return {"valueFrom": {"secretKeyRef": {"name": name, "key": key}}}


def _values(application: Application, secrets: Secrets) -> dict[str, str]:
    # The settings require that each is there.
    return {variable: secrets.values[name].get_secret_value() for variable, name in application.secrets.items()}

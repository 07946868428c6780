"""The objects of the attempts: a workload as it should be, and one thing changed in it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from manifests.document import Document, document
from manifests.images import Images
from meshops.verify.facts import MANAGED_BY
from versions import CURL_IMAGE

NAME = "meshops-verify-attempt"
_USER = 10001


def pod_template(images: Images) -> dict[str, Any]:
    """Metadata and spec of a pod that every policy admits."""
    return {
        "metadata": {"labels": {"app": NAME, "app.kubernetes.io/managed-by": MANAGED_BY}, "annotations": {}},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": _USER,
                "runAsGroup": _USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container("main", images)],
        },
    }


def container(name: str, images: Images, **more: Any) -> dict[str, Any]:
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, **more.pop("securityContext", {})}
    return {"name": name, "image": images.ref(CURL_IMAGE), "command": ["true"], "securityContext": context, **more}


def deployment(template: Mapping[str, Any]) -> Document:
    labels = template["metadata"]["labels"]
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": labels["app"]}}, "template": template}
    return document("apps/v1", "Deployment", NAME, labels=_LABELS, spec=spec)


def cron_job(template: Mapping[str, Any]) -> Document:
    job = {"template": {**template, "spec": {**template["spec"], "restartPolicy": "Never"}}}
    return document(
        "batch/v1",
        "CronJob",
        NAME,
        labels=_LABELS,
        spec={"schedule": "0 0 31 2 *", "suspend": True, "jobTemplate": {"spec": job}},
    )


def job(template: Mapping[str, Any]) -> Document:
    spec = {"suspend": True, "template": {**template, "spec": {**template["spec"], "restartPolicy": "Never"}}}
    return document("batch/v1", "Job", NAME, labels=_LABELS, spec=spec)


def pod(template: Mapping[str, Any]) -> Document:
    metadata = template["metadata"]
    return document(
        "v1", "Pod", NAME, labels=metadata["labels"], annotations=metadata["annotations"], spec=template["spec"]
    )


def service(name: str = NAME, *, selector: str | None = NAME, **spec: Any) -> Document:
    chosen = {"selector": {"app": selector}} if selector else {}
    return document(
        "v1",
        "Service",
        name,
        labels=_LABELS,
        spec={**chosen, "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}], **spec},
    )


def changed(template: Mapping[str, Any], *path: str | int, to: Any) -> dict[str, Any]:
    """A copy with one value at a path of keys and positions; what is missing on the way is made."""
    result: Any = copy.deepcopy(dict(template))
    node: Any = result
    for step in path[:-1]:
        node = node[step] if isinstance(node, list) else node.setdefault(step, {})
    node[path[-1]] = to
    return result


_LABELS = {"app.kubernetes.io/managed-by": MANAGED_BY}


def named_object(api_version: str, kind: str, **spec: Any) -> Document:
    return document(api_version, kind, NAME, spec=spec)

"""What a tenant deploys: templates that every Pod Security level admits, as each kind, and what becomes of them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from manifests.document import Document, document
from meshops.attack.ground import Ground
from meshops.attack.model import Ask
from meshops.verify.probes.pods import HARDENED

NAME = "meshops-attack"
IMAGE = "docker.io/library/busybox:1.37"


def home(ground: Ground) -> str:
    """The namespace that is the tenant's: the first that is in the mesh."""
    return next((item.name for item in ground.stack.namespaces if item.in_mesh), "")


def ask(ground: Ground, *arguments: str, said: str = "", stdin: str = "") -> Ask:
    shown = said or f"kubectl {' '.join(arguments)}"
    return Ask(arguments=arguments, said=f"tenant: {shown}", stdin=stdin, user=NAME)


def template(**changes: Any) -> Document:
    """A pod's template that every Pod Security level admits, with these changes of its metadata and spec."""
    container = {"name": "main", "image": IMAGE, "securityContext": dict(HARDENED), **changes.get("container", {})}
    found: Document = {
        "metadata": {"labels": {"app": NAME, **changes.get("labels", {})}},
        "spec": {
            "containers": [container, *changes.get("containers", ())],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "runAsGroup": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
                **changes.get("security", {}),
            },
            "automountServiceAccountToken": False,
            **changes.get("spec", {}),
        },
    }
    if annotations := changes.get("annotations"):
        found["metadata"]["annotations"] = annotations
    return found


def kinds(namespace: str, made: Mapping[str, Any]) -> tuple[Document, ...]:
    """The template as a pod, a Deployment, and a CronJob: what is refused of one must be refused of each."""
    pod = copy.deepcopy(dict(made))
    pod["spec"] = {**pod["spec"], "restartPolicy": "Never"}
    labels = {"app": NAME, **made["metadata"]["labels"]}
    deployment = {"selector": {"matchLabels": labels}, "template": made}
    job = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": pod}}}
    return (
        {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": NAME, "namespace": namespace, **pod["metadata"]},
            "spec": pod["spec"],
        },
        document("apps/v1", "Deployment", NAME, namespace=namespace, spec=deployment),
        document("batch/v1", "CronJob", NAME, namespace=namespace, spec=job),
    )  # fmt: skip


def created(ground: Ground, item: Document, *, said: str, then: Ask | None = None) -> Ask:
    """Without keeping it."""
    return Ask(said=f"tenant: {item['kind']}: {said}", document=item, user=NAME, then=then)


def deployed(ground: Ground, namespace: str, made: Mapping[str, Any], *, said: str) -> list[Ask]:
    """A template as each kind, and the pod that a controller makes of it."""
    pod, deployment, job = kinds(namespace, made)
    by = [
        Ask(said=said, document=pod, user=f"system:serviceaccount:kube-system:{name}")
        for name in ("replicaset-controller", "job-controller")
    ]
    return [
        created(ground, pod, said=said),
        created(ground, deployment, said=said, then=by[0]),
        created(ground, job, said=said, then=by[1]),
    ]

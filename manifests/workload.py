"""The workload of an application: its service account, Deployment, Service, PodDisruptionBudget and autoscaler."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from configuration.applications import Application
from configuration.kinds.secrets import NO_SECRETS, Secrets
from manifests import secrets_manager
from manifests.document import Document, document
from manifests.environment import environment_checksum, variables
from manifests.images import Images
from manifests.mesh_graph import Member, MeshGraph
from manifests.names import EXCLUDED_RANGES, INJECTION_LABEL, ISTIO_INGRESS, POD_IDENTITY_AGENT
from manifests.proxy_config import BOOTSTRAP_CHECKSUM
from manifests.zones import spread_over_zones

_GRACE_SECONDS = 45
_TARGET_PERCENT = 70
"""Of the processor asked for. What is left must carry the load for as long as a new pod takes to begin."""


def service_account(member: Member) -> Document:
    """Its identity. Nothing in the pod talks to the Kubernetes API, so its token is not mounted; the sidecar proves
    the identity with a projected token of its own, for istiod's audience only."""
    application = member.application
    return document(
        "v1",
        "ServiceAccount",
        application.identity,
        namespace=member.namespace.name,
        labels=_labels(application),
        automountServiceAccountToken=False,
    )


def service(member: Member, graph: MeshGraph) -> Document | None:
    """The Service, on the container's own port; None for a job that only calls.

    Istio shows it to the namespaces that call it and to no other: a proxy may ask istiod for the endpoints of any
    Service that its namespace can see.
    """
    application = member.application
    if application.port is None:
        return None
    seen_by = {grant.caller.namespace.name for grant in graph.grants(member.namespace.name, application.name)}
    seen_by |= {member.namespace.name, *((ISTIO_INGRESS,) if application.hosts else ())}
    # Istio takes the protocol from the port's name. What is passed through is TLS to it, whatever is inside.
    name = "tls" if application.tls == "passthrough" else application.protocol
    return document(
        "v1",
        "Service",
        application.name,
        namespace=member.namespace.name,
        labels=_labels(application),
        annotations={"networking.istio.io/exportTo": ",".join(sorted(seen_by))},
        spec={
            "selector": {"app": application.name},
            "ports": [
                {"name": name, "port": application.called_port, "targetPort": application.port, "protocol": "TCP"}
            ],
        },
    )


def disruption_budget(member: Member) -> Document | None:
    """None for a single replica: a budget would only keep its node from being drained."""
    application = member.application
    if application.fewest_replicas < 2:
        return None
    return document(
        "policy/v1",
        "PodDisruptionBudget",
        application.name,
        namespace=member.namespace.name,
        labels=_labels(application),
        spec={"maxUnavailable": 1, "selector": {"matchLabels": {"app": application.name}}},
    )


def autoscaler(member: Member) -> Document | None:
    """None for a fixed number of replicas.

    By the application's own container: its sidecar asks for processor too, and mostly leaves it unused.
    https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#container-resource-metrics (stable: 1.30)
    """
    application = member.application
    if not application.is_scaled:
        return None
    return document(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        application.name,
        namespace=member.namespace.name,
        labels=_labels(application),
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": application.name},
            "minReplicas": application.min_replicas,
            "maxReplicas": application.max_replicas,
            "metrics": [
                {
                    "type": "ContainerResource",
                    "containerResource": {
                        "name": "cpu",
                        "container": application.name,
                        "target": {"type": "Utilization", "averageUtilization": _TARGET_PERCENT},
                    },
                }
            ],
        },
    )


def deployment(member: Member, *, images: Images, revision: str, secrets: Secrets = NO_SECRETS) -> Document:
    """The Deployment. revision: Istio's; it stands on the pods of the mesh, so that they roll when it changes, and
    when their namespace enters or leaves the mesh. secrets: the stack's; none of them stands in it.

    Of an application with an autoscaler `replicas` is what it begins with; whoever submits it must leave that field
    alone from then on (components/application.py). Left out, the API server would take it for 1 the moment we stop
    saying it: https://kubernetes.io/docs/reference/using-api/server-side-apply/#transferring-ownership
    """
    application = member.application
    injected = {INJECTION_LABEL: revision} if member.namespace.in_mesh else {}
    annotations = {
        **(BOOTSTRAP_CHECKSUM if injected else {}),
        **(agent_past_sidecar(application) if injected else {}),
        **environment_checksum(member, secrets),
    }
    return document(
        "apps/v1",
        "Deployment",
        application.name,
        namespace=member.namespace.name,
        labels=_labels(application),
        # Where an autoscaler once was, its controller owns `replicas`: without force a fixed number is a conflict then.
        annotations=None if application.is_scaled else {"pulumi.com/patchForce": "true"},
        spec={
            "replicas": application.fewest_replicas,
            "selector": {"matchLabels": {"app": application.name}},
            # Without loss: a pod goes only when its successor has been ready for a while.
            "minReadySeconds": 5,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {
                "metadata": {
                    "labels": {**_labels(application), **injected},
                    **({"annotations": annotations} if annotations else {}),
                },
                "spec": _pod(application, images),
            },
        },
    )


def agent_past_sidecar(application: Application) -> dict[str, str]:
    """The annotation by which its pods reach the node's Pod Identity agent, and no other address, past the sidecar:
    credentials pass no proxy, and can be had before it is there. Empty without an identity in AWS."""
    return {EXCLUDED_RANGES: POD_IDENTITY_AGENT} if application.aws_policy else {}


def _pod(application: Application, images: Images) -> dict[str, Any]:
    volumes = _writable_volumes(application)
    return {
        "serviceAccountName": application.identity,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": application.user_id,
            "runAsGroup": application.user_id,
            "fsGroup": application.user_id,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [spread_over_zones({"app": application.name})],
        "containers": [_container(application, images, volumes)],
        "volumes": [*({"name": name, "emptyDir": {}} for name in volumes), *secrets_manager.volumes(application)],
    }


def _container(application: Application, images: Images, volumes: dict[str, str]) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": application.name,
        # The settings require an image of every managed workload.
        "image": images.ref(application.image or ""),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
        },
        "resources": {
            "requests": {"cpu": application.resources.cpu, "memory": application.resources.memory},
            "limits": {"memory": application.resources.memory_limit},
        },
        "volumeMounts": [
            *({"name": name, "mountPath": path} for name, path in volumes.items()),
            *secrets_manager.mounts(application),
        ],
    }
    if application.command:
        container["command"] = list(application.command)
    if application.args:
        container["args"] = list(application.args)
    if application.environment:
        container["env"] = variables(application)
    if application.port is not None:
        container["ports"] = [{"name": "main", "containerPort": application.port, "protocol": "TCP"}]
        container["readinessProbe"] = {**_check(application, application.readiness_path), "periodSeconds": 5}
        container["livenessProbe"] = {
            **_check(application, application.liveness_path),
            "initialDelaySeconds": 10,
            "periodSeconds": 10,
            "failureThreshold": 6,
        }
        # Callers learn of a leaving pod a moment late; until then it goes on answering. By the kubelet itself, since
        # the image may have no `sleep`.
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": 5}}}
    return container


def _check(application: Application, path: str) -> dict[str, Any]:
    # The kubelet speaks neither gRPC services that nobody declared nor the application's own TLS.
    if application.protocol != "http" or application.tls == "passthrough":
        return {"tcpSocket": {"port": application.port}}
    return {"httpGet": {"path": path, "port": application.port}}


def _writable_volumes(application: Application) -> dict[str, str]:
    """Volume name -> mount path, /tmp first. Named after the path, so that a new one does not rename the others."""
    paths = ["/tmp", *(path.rstrip("/") for path in application.writable_paths)]
    volumes: dict[str, str] = {}
    for path in dict.fromkeys(paths):
        name = re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-")
        if not name or len(name) > 63 or name in volumes or name == secrets_manager.VOLUME:
            name = f"writable-{hashlib.sha256(path.encode()).hexdigest()[:12]}"
        volumes[name] = path
    return volumes


def _labels(application: Application) -> dict[str, str]:
    version = _version(application.image)
    labels = {
        "app": application.name,
        "app.kubernetes.io/name": application.name,
        "app.kubernetes.io/managed-by": "pulumi",
    }
    if version:
        labels |= {"version": version, "app.kubernetes.io/version": version}
    return labels


def _version(image: str | None) -> str | None:
    """The image's tag as a label's value, or the beginning of its digest."""
    name, _, digest = (image or "").partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    text = tag or digest.removeprefix("sha256:")[:12]
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)[:63].strip("-_.") or None

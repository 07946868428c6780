"""The OpenTelemetry collector: takes the sidecars' traces over OTLP and hands them to X-Ray, signed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from manifests.document import Document, document
from manifests.images import Images
from manifests.names import COLLECTOR, OBSERVABILITY, OTLP_GRPC_PORT, OTLP_HTTP_PORT
from manifests.zones import spread_over_zones
from versions import OTEL_COLLECTOR_IMAGE

_HEALTH_PORT = 13133
_USER = 10001  # the image's own user
_LABELS = {"app": COLLECTOR, "app.kubernetes.io/name": COLLECTOR}
_CONFIG_FILE = "collector.json"


def collector_documents(*, region: str, images: Images, replicas: int = 2) -> tuple[Document, ...]:
    """ServiceAccount, ServiceEntry, ConfigMap, Deployment, PodDisruptionBudget and Service of the collector.

    All in the namespace `observability`, which the caller makes (`manifests.namespace.platform_namespace`). It gets
    its AWS identity by EKS Pod Identity, for the service account `otel-collector` there. It has no sidecar: the
    mesh-wide rules exempt it by name (`manifests.mesh_policies`).
    """
    config = collector_config(region)
    # JSON is YAML, which the collector reads; this form has one spelling only, so the hash is stable.
    text = json.dumps(config, indent=2, sort_keys=True) + "\n"
    return (
        document(
            "v1",
            "ServiceAccount",
            COLLECTOR,
            namespace=OBSERVABILITY,
            labels=_LABELS,
            # The Pod Identity agent's own projected token is mounted by its webhook; the Kubernetes API is not called.
            automountServiceAccountToken=False,
        ),
        _service_entry(region),
        document("v1", "ConfigMap", COLLECTOR, namespace=OBSERVABILITY, labels=_LABELS, data={_CONFIG_FILE: text}),
        _deployment(text, images, replicas),
        document(
            "policy/v1",
            "PodDisruptionBudget",
            COLLECTOR,
            namespace=OBSERVABILITY,
            labels=_LABELS,
            spec={"maxUnavailable": 1, "selector": {"matchLabels": {"app": COLLECTOR}}},
        ),
        document(
            "v1",
            "Service",
            COLLECTOR,
            namespace=OBSERVABILITY,
            labels=_LABELS,
            spec={
                "selector": {"app": COLLECTOR},
                "ports": [
                    {"name": "grpc-otlp", "port": OTLP_GRPC_PORT, "targetPort": OTLP_GRPC_PORT, "protocol": "TCP"},
                    {"name": "http-otlp", "port": OTLP_HTTP_PORT, "targetPort": OTLP_HTTP_PORT, "protocol": "TCP"},
                ],
            },
        ),
    )


def collector_config(region: str) -> dict[str, Any]:
    """The collector's configuration. X-Ray takes OTLP over HTTP only, signed with SigV4.

    The exporter's name is `otlp_http` since collector v0.144.
    """
    return {
        "extensions": {
            "health_check": {"endpoint": f"0.0.0.0:{_HEALTH_PORT}"},
            "sigv4auth": {"region": region, "service": "xray"},
        },
        "receivers": {
            "otlp": {
                "protocols": {
                    "grpc": {"endpoint": f"0.0.0.0:{OTLP_GRPC_PORT}"},
                    "http": {"endpoint": f"0.0.0.0:{OTLP_HTTP_PORT}"},
                }
            }
        },
        "processors": {
            "memory_limiter": {"check_interval": "1s", "limit_percentage": 80, "spike_limit_percentage": 20},
            "batch": {"timeout": "5s"},
        },
        "exporters": {
            "otlp_http": {
                "traces_endpoint": f"https://{xray_host(region)}/v1/traces",
                "compression": "gzip",
                "auth": {"authenticator": "sigv4auth"},
            }
        },
        "service": {
            "extensions": ["health_check", "sigv4auth"],
            "pipelines": {
                "traces": {
                    "receivers": ["otlp"],
                    "processors": ["memory_limiter", "batch"],
                    "exporters": ["otlp_http"],
                }
            },
        },
    }


def xray_host(region: str) -> str:
    """The X-Ray endpoint of a region of the standard AWS partition."""
    return f"xray.{region}.amazonaws.com"


def _service_entry(region: str) -> Document:
    # The collector runs without a sidecar, so nothing enforces this today; it keeps the registry complete, and
    # the collector's way out open on the day somebody labels its namespace for injection.
    return document(
        "networking.istio.io/v1",
        "ServiceEntry",
        "aws-xray",
        namespace=OBSERVABILITY,
        labels=_LABELS,
        spec={
            "hosts": [xray_host(region)],
            "ports": [{"number": 443, "name": "tls-443", "protocol": "TLS"}],
            "location": "MESH_EXTERNAL",
            "resolution": "DNS",
            "exportTo": ["."],
        },
    )


def _deployment(config_text: str, images: Images, replicas: int) -> Document:
    image = images.ref(OTEL_COLLECTOR_IMAGE)
    probe = {"httpGet": {"path": "/", "port": _HEALTH_PORT}}
    container = {
        "name": "collector",
        "image": image,
        "args": [f"--config=/etc/otel/{_CONFIG_FILE}"],
        "ports": [
            {"name": "grpc-otlp", "containerPort": OTLP_GRPC_PORT, "protocol": "TCP"},
            {"name": "http-otlp", "containerPort": OTLP_HTTP_PORT, "protocol": "TCP"},
            {"name": "health", "containerPort": _HEALTH_PORT, "protocol": "TCP"},
        ],
        "readinessProbe": {**probe, "periodSeconds": 5},
        "livenessProbe": {**probe, "periodSeconds": 10, "failureThreshold": 6},
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "config", "mountPath": "/etc/otel", "readOnly": True}],
    }
    return document(
        "apps/v1",
        "Deployment",
        COLLECTOR,
        namespace=OBSERVABILITY,
        labels=_LABELS,
        spec={
            "replicas": replicas,
            "selector": {"matchLabels": {"app": COLLECTOR}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {
                "metadata": {
                    "labels": {**_LABELS, "sidecar.istio.io/inject": "false"},
                    # A new configuration rolls the pods: the collector does not reread its file.
                    "annotations": {"checksum/config": hashlib.sha256(config_text.encode()).hexdigest()},
                },
                "spec": {
                    "serviceAccountName": COLLECTOR,
                    "automountServiceAccountToken": False,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": _USER,
                        "runAsGroup": _USER,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [container],
                    "topologySpreadConstraints": [spread_over_zones({"app": COLLECTOR})],
                    "volumes": [{"name": "config", "configMap": {"name": COLLECTOR}}],
                },
            },
        },
    )

"""The values of Istio's four charts: base, cni, istiod, gateway.

Of istiod there is one release for each revision, and no two of them share an object. base and cni are there once.

Checked against the charts' values, templates and the gateway's schema, which refuses unknown keys. The charts merge
these over `_internal_defaults_do_not_set`; keys stand at the top level there (`cni.enabled`, not `pilot.cni.enabled`
as in an IstioOperator). `platform` stays unset: the charts fail on `eks`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from configuration.mesh import Gateway, Mesh, revision_of
from manifests.access_log import access_log_format
from manifests.images import Images
from manifests.issuer_networks import blocked_networks
from manifests.names import (
    COLLECTOR_HOST,
    GATEWAY,
    GATEWAY_PORT,
    GATEWAY_SELECTOR,
    GATEWAY_STATUS_PORT,
    ISTIO_SYSTEM,
    OTLP_GRPC_PORT,
    TRACING_PROVIDER,
)
from manifests.proxy_config import BOOTSTRAP_CHECKSUM, PROXY_METADATA
from manifests.zones import spread_over_zones
from versions import ISTIO_IMAGE_HUB

_SECCOMP = {"type": "RuntimeDefault"}

# Istio's own images without shell and package manager. What a person would do with a shell there, istioctl does
# (trap 7): `istioctl proxy-config`, `istioctl experimental describe pod`.
_VARIANT = "distroless"

_PILOT_ENVIRONMENT = {
    # Without it a Gateway of any namespace opens ports on the shared gateway.
    "PILOT_SCOPE_GATEWAY_TO_NAMESPACE": "true",
    # A proxy may call itself a gateway, and by default gateways get the clusters of the whole mesh. With this only
    # what the routes bound to their own Gateways lead to: for one that no Gateway selects, nothing.
    "PILOT_FILTER_GATEWAY_CLUSTER_CONFIG": "true",
    # A certificate lives as long as the agents ask for and no longer; istiod would sign 90 days for a stolen token.
    "MAX_WORKLOAD_CERT_TTL": "24h",
}

# The last one of a flag counts (pflag), so these take the place of what the chart says before them.
_PILOT_ARGUMENTS = [
    # Plaintext XDS asks for no identity and gives anyone any workload's configuration. Empty would not turn it off:
    # istiod then serves it on 8080 beside its readiness (pilot/pkg/bootstrap/server.go, "multiplexing gRPC").
    "--grpcAddr=127.0.0.1:15010",
    # Metrics and the debug pages, for whoever may forward a port into istiod's pod.
    "--monitoringAddr=127.0.0.1:15014",
]


@dataclass(frozen=True, kw_only=True)
class IstioValues:
    """What the charts of a mesh have in common."""

    mesh: Mesh
    images: Images
    cluster_name: str
    tracing: bool
    """Whether the collector exists that the tracing provider names."""

    def base(self) -> dict[str, Any]:
        """Chart base: the CRDs, and the webhook that validates Istio's configuration."""
        return {
            # The webhook calls the Service `istiod-<defaultRevision>` and istiod keeps the CA bundle of those webhooks
            # up to date whose label istio.io/rev is its own revision. With the chart's "default", nobody would
            # answer at `istiod`, and every later object would be refused.
            # Of two, the older one: what it accepts both understand, and it moves last, when the other one is alone.
            "defaultRevision": self.mesh.revisions[0],
            # istiod turns "Ignore" into "Fail" once it is up; saying so at once keeps the two from disagreeing in
            # every preview (pulumi-kubernetes#2210). Hence no Istio object may be submitted before istiod is ready.
            "base": {"validationFailurePolicy": "Fail"},
            "global": {"istioNamespace": ISTIO_SYSTEM},
        }

    def cni(self) -> dict[str, Any]:
        """Chart cni, in kube-system: redirects pods on the node, so that no pod needs NET_ADMIN for it.

        Chained after the VPC CNI; the chart's default paths are right on AL2023. One per cluster, of no revision: of
        the newer version, since an agent serves control planes of one minor more or less.
        https://istio.io/latest/docs/setup/additional-setup/cni/#upgrade
        """
        return {
            "global": self._images(self.mesh.istio_versions[-1]),
            "seccompProfile": _SECCOMP,
        }

    def istiod(self, version: str) -> dict[str, Any]:
        """Chart istiod: the control plane of one revision.

        Without a tag: a namespace's label names the revision itself. A tag's webhook belongs to one release, and Helm
        would have to delete it there before another could make it; a pod that starts in between has no sidecar.
        """
        mesh, revision = self.mesh, revision_of(version)
        return {
            "revision": revision,
            **_replicas(mesh),
            "resources": {"requests": {"cpu": mesh.pilot.cpu, "memory": mesh.pilot.memory}},
            "seccompProfile": _SECCOMP,
            "topologySpreadConstraints": [spread_over_zones({"app": "istiod", "istio.io/rev": revision})],
            "cni": {"enabled": True},
            "env": {
                **_PILOT_ENVIRONMENT,
                "BLOCKED_CIDRS_IN_JWKS_URIS": ",".join(blocked_networks(mesh.issuer_networks)),
            },
            "extraContainerArgs": _PILOT_ARGUMENTS,
            # The chart's template for proxyless gRPC names an image of a public registry, whatever `hub` says.
            # Nothing here uses it; this takes its place.
            "sidecarInjectorWebhook": {"templates": {"grpc-simple": "{}\n"}},
            "base": {"validationFailurePolicy": "Fail"},
            "global": {
                **self._images(version),
                "istioNamespace": ISTIO_SYSTEM,
                "network": mesh.network,
                "meshID": mesh.mesh_id,
                "multiCluster": {"clusterName": self.cluster_name},
                # A namespace that enforces the restricted Pod Security level refuses a sidecar without one.
                "proxy": {"seccompProfile": _SECCOMP},
            },
            "meshConfig": self._mesh_config(),
        }

    def _images(self, version: str) -> dict[str, Any]:
        return {
            "hub": self.images.hub(ISTIO_IMAGE_HUB),
            # One version for charts and images (trap 2).
            "tag": version,
            "variant": _VARIANT,
        }

    def _mesh_config(self) -> dict[str, Any]:
        return {
            "trustDomain": self.mesh.trust_domain,
            "accessLogFile": "/dev/stdout",
            "accessLogEncoding": "JSON",
            "accessLogFormat": access_log_format(),
            # Nobody outside a pod may read its metrics (PROXY_METADATA): an annotation that leads a scraper to 15020
            # would only lead it to refusals, and away from the application's own port and its policy.
            "enablePrometheusMerge": False,
            "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"},
            "defaultConfig": {
                "proxyMetadata": dict(PROXY_METADATA),
                # The caller that the connection itself shows, and nothing that the caller wrote in its place: by
                # default a sidecar appends to the x-forwarded-client-cert that it was sent.
                "proxyHeaders": {"forwardedClientCert": "SANITIZE_SET"},
            },
            # Paths are compared in one form only: `//` merged, %2F and %5C decoded. Anything weaker lets a request
            # say one path to the policy and another to the application.
            "pathNormalization": {"normalization": "DECODE_AND_MERGE_SLASHES"},
            "meshMTLS": {"minProtocolVersion": "TLSV1_3"},
            **({"extensionProviders": [_tracing_provider()]} if self.tracing else {}),
        }


def gateway_values(mesh: Mesh, gateway: Gateway) -> dict[str, Any]:
    """Chart gateway, released as `istio-ingressgateway` in `istio-ingress`."""
    scales = gateway.max_replicas > gateway.min_replicas
    return {
        # A label on the pods: the namespace's decides who injects them, this makes them roll when that changes.
        "revision": mesh.revision(gateway.istio_version),
        **({} if scales else {"replicaCount": gateway.min_replicas}),
        "autoscaling": {
            "enabled": scales,
            "minReplicas": gateway.min_replicas,
            "maxReplicas": gateway.max_replicas,
        },
        "resources": {"requests": {"cpu": gateway.cpu, "memory": gateway.memory}},
        "podDisruptionBudget": {"maxUnavailable": 1},
        "topologySpreadConstraints": [spread_over_zones({"app": GATEWAY, **GATEWAY_SELECTOR})],
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "podAnnotations": {
            # The chart would send a scraper to 15020, which answers to its own pod only.
            "prometheus.io/scrape": "false",
            **BOOTSTRAP_CHECKSUM,
            # The ALB in front appends the client to X-Forwarded-For: one hop of it can be trusted, no more.
            "proxy.istio.io/config": json.dumps({"gatewayTopology": {"numTrustedProxies": 1}}),
        },
        # Nobody reaches it past the load balancer: targets are pod addresses, the Service needs no node port.
        # Port 80 is left out, since the ALB redirects and nothing speaks plaintext to the gateway.
        "service": {
            "type": "ClusterIP",
            "ports": [
                _port("status-port", GATEWAY_STATUS_PORT),
                _port("https", GATEWAY_PORT),
            ],
        },
        # The chart's own, plus the seccomp profile that the restricted Pod Security level asks for. Its
        # pod-level default, the sysctl that lets a non-root process bind port 443, is kept by not being named.
        "containerSecurityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "seccompProfile": _SECCOMP,
        },
        # The load balancer learns of a leaving pod some seconds late; until then the pod still takes connections,
        # then drains them (EXIT_ON_ZERO_ACTIVE_CONNECTIONS). Natively, since the image has no `sleep`.
        "lifecycle": {"preStop": {"sleep": {"seconds": 20}}},
        "terminationGracePeriodSeconds": 90,
    }


def _replicas(mesh: Mesh) -> dict[str, Any]:
    pilot = mesh.pilot
    if pilot.max_replicas == 1:
        return {"autoscaleEnabled": False, "replicaCount": 1}
    return {"autoscaleEnabled": True, "autoscaleMin": pilot.min_replicas, "autoscaleMax": pilot.max_replicas}


def _tracing_provider() -> dict[str, Any]:
    return {"name": TRACING_PROVIDER, "opentelemetry": {"service": COLLECTOR_HOST, "port": OTLP_GRPC_PORT}}


def _port(name: str, number: int) -> dict[str, Any]:
    return {"name": name, "port": number, "protocol": "TCP", "targetPort": number}

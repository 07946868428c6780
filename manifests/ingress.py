"""The way in: the Ingress that becomes an ALB, and the Service that becomes an NLB.

Every annotation is the AWS Load Balancer Controller's (docs/guide/ingress/annotations, docs/guide/service/annotations).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from configuration.load_balancer import AccessLogs, LoadBalancer
from manifests.document import Document, document
from manifests.names import (
    GATEWAY,
    GATEWAY_PORT,
    GATEWAY_SELECTOR,
    GATEWAY_STATUS_PORT,
    ISTIO_INGRESS,
    PASSTHROUGH_PORT,
)

INGRESS_NAME = "istio-ingressgateway"
NLB_NAME = "istio-ingressgateway-nlb"
_ALB = "alb.ingress.kubernetes.io"
_NLB = "service.beta.kubernetes.io/aws-load-balancer"
_READY_PATH = "/healthz/ready"
# Istio takes a Gateway's port for a Service's and listens on its target port (pilot/pkg/model/gateway.go,
# resolvePorts, "the first match"). With this Service's 443 -> 8443 among those it looks at, the HTTPS server could come
# to stand on the port of the NLB.
_NO_TRANSLATION = {"experimental.istio.io/disable-gateway-port-translation": "true"}


def alb_ingress(
    settings: LoadBalancer, *, certificate_arn: Any, web_acl_arn: Any = None, tags: Mapping[str, str] | None = None
) -> Document:
    """The Ingress of the shared gateway: the ALB ends TLS and opens it anew to the gateway.

    certificate_arn, web_acl_arn: text or Outputs, placed as leaves. No `group.name`: an ALB of its own, which no
    other team's Ingress can join; no `subnets`: the controller discovers them by their tags; no
    `backend-protocol-version`: HTTP1, or health and routing would be spoken in HTTP/2.

    The security groups are the controller's: one in front, which admits `inbound-cidrs` to the listeners, and one
    towards the targets, which it admits to the nodes' group on the target ports only. With groups of our own it would
    no longer keep the two in step.
    """
    annotations: dict[str, Any] = {
        f"{_ALB}/scheme": settings.scheme,
        f"{_ALB}/target-type": "ip",
        f"{_ALB}/inbound-cidrs": ",".join(map(str, settings.allowed_cidrs)),
        f"{_ALB}/listen-ports": json.dumps([{"HTTP": 80}, {"HTTPS": 443}]),
        f"{_ALB}/ssl-redirect": "443",
        f"{_ALB}/certificate-arn": certificate_arn,
        # Sent as it is, and the API's default is the policy of 2016.
        f"{_ALB}/ssl-policy": settings.ssl_policy,
        f"{_ALB}/backend-protocol": "HTTPS",
        # Left out, it would follow the backend's protocol; the gateway's status port speaks HTTP.
        f"{_ALB}/healthcheck-protocol": "HTTP",
        f"{_ALB}/healthcheck-port": str(GATEWAY_STATUS_PORT),
        f"{_ALB}/healthcheck-path": _READY_PATH,
        f"{_ALB}/healthcheck-interval-seconds": "15",
        f"{_ALB}/healthcheck-timeout-seconds": "5",
        f"{_ALB}/healthy-threshold-count": "2",
        f"{_ALB}/unhealthy-threshold-count": "2",
        f"{_ALB}/success-codes": "200",
        f"{_ALB}/load-balancer-attributes": _attributes(_alb_attributes(settings)),
        # Shorter than the gateway's own draining, so that no request is sent to a pod that has gone.
        f"{_ALB}/target-group-attributes": _attributes({"deregistration_delay.timeout_seconds": "30"}),
    }
    if web_acl_arn is not None:
        annotations[f"{_ALB}/wafv2-acl-arn"] = web_acl_arn
    if tags:
        annotations[f"{_ALB}/tags"] = _attributes(tags)
    return document(
        "networking.k8s.io/v1",
        "Ingress",
        INGRESS_NAME,
        namespace=ISTIO_INGRESS,
        annotations=annotations,
        spec={
            "ingressClassName": "alb",
            # Everything, whatever its host or path: routing is the mesh's business.
            "defaultBackend": {"service": {"name": GATEWAY, "port": {"number": GATEWAY_PORT}}},
        },
    )


def nlb_service(settings: LoadBalancer, *, tags: Mapping[str, str] | None = None) -> Document:
    """The Service that passes TLS through to the gateway's pods, which route it by SNI.

    It leads to the gateway's port for that and to no other: the hosts whose TLS the gateway ends are the ALB's alone.
    """
    annotations: dict[str, Any] = {
        f"{_NLB}-nlb-target-type": "ip",
        f"{_NLB}-scheme": settings.scheme,
        f"{_NLB}-backend-protocol": "tcp",
        f"{_NLB}-healthcheck-protocol": "http",
        f"{_NLB}-healthcheck-port": str(GATEWAY_STATUS_PORT),
        f"{_NLB}-healthcheck-path": _READY_PATH,
        f"{_NLB}-healthcheck-interval": "15",
        f"{_NLB}-healthcheck-timeout": "5",
        f"{_NLB}-healthcheck-healthy-threshold": "2",
        f"{_NLB}-healthcheck-unhealthy-threshold": "2",
        f"{_NLB}-healthcheck-success-codes": "200",
        f"{_NLB}-attributes": _attributes(
            {
                "deletion_protection.enabled": _flag(settings.deletion_protection),
                # The gateway's pods are spread over the zones, but not evenly.
                "load_balancing.cross_zone.enabled": "true",
            }
        ),
        f"{_NLB}-target-group-attributes": _attributes(
            {
                "deregistration_delay.connection_termination.enabled": "true",
                "deregistration_delay.timeout_seconds": "30",
                # Off by default for ip targets behind TCP; the audit log should show who called.
                "preserve_client_ip.enabled": "true",
            }
        ),
    }
    if tags:
        annotations[f"{_NLB}-additional-resource-tags"] = _attributes(tags)
    return document(
        "v1",
        "Service",
        NLB_NAME,
        namespace=ISTIO_INGRESS,
        labels=_NO_TRANSLATION,
        annotations=annotations,
        spec={
            "type": "LoadBalancer",
            # Named, so that no other controller takes it and the controller's webhook for Services can stay off.
            "loadBalancerClass": "service.k8s.aws/nlb",
            "loadBalancerSourceRanges": [str(cidr) for cidr in settings.allowed_cidrs],
            # The targets are pods: a port on every node would only be another way in.
            "allocateLoadBalancerNodePorts": False,
            "selector": dict(GATEWAY_SELECTOR),
            "ports": [{"name": "tls", "port": 443, "targetPort": PASSTHROUGH_PORT, "protocol": "TCP"}],
        },
    )


def _alb_attributes(settings: LoadBalancer) -> dict[str, str]:
    # Whatever is left out keeps the value it has: off is said as loudly as on.
    return {
        **_access_logs(settings.access_logs),
        "deletion_protection.enabled": _flag(settings.deletion_protection),
        "routing.http.drop_invalid_header_fields.enabled": "true",
    }


def _access_logs(logs: AccessLogs | None) -> dict[str, str]:
    if logs is None:
        return {"access_logs.s3.enabled": "false"}
    attributes = {"access_logs.s3.enabled": "true", "access_logs.s3.bucket": logs.bucket}
    return {**attributes, "access_logs.s3.prefix": logs.prefix} if logs.prefix else attributes


def _attributes(values: Mapping[str, str]) -> str:
    """The controller's form of a map: `a=1,b=2`; a backslash takes the meaning from a comma inside a value."""
    return ",".join(f"{key}={_escaped(value)}" for key, value in sorted(values.items()))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(",", "\\,")


def _flag(value: bool) -> str:
    return "true" if value else "false"

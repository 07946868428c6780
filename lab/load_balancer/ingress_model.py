"""From an Ingress to an ALB, as the controller decides (its pkg/ingress/model_build_*.go)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.load_balancer.annotations import INGRESS_CHECK, Annotations, health_check
from lab.load_balancer.model import Listener, LoadBalancerModel, Refusal, TargetGroup
from lab.load_balancer.ssl_policies import SSL_POLICIES
from lab.load_balancer.surroundings import Document, Surroundings, balancer_name

PREFIX = "alb.ingress.kubernetes.io/"
CLASS = "alb"

_OF_GROUP = ("target-type", "backend-protocol", "target-group-attributes", *INGRESS_CHECK.all)
"""The annotations that a Service may have too, and which then win."""
_OF_BALANCER = (
    "scheme",
    "inbound-cidrs",
    "listen-ports",
    "ssl-redirect",
    "certificate-arn",
    "ssl-policy",
    "load-balancer-attributes",
    "wafv2-acl-arn",
    "tags",
)
_ATTRIBUTES = frozenset(
    {
        "access_logs.s3.enabled",
        "access_logs.s3.bucket",
        "access_logs.s3.prefix",
        "deletion_protection.enabled",
        "idle_timeout.timeout_seconds",
        "routing.http.drop_invalid_header_fields.enabled",
    }
)
_GROUP_ATTRIBUTES = frozenset({"deregistration_delay.timeout_seconds"})


def ours(ingress: Document) -> bool:
    """Whether the Ingress is of the controller's class."""
    return ingress["spec"].get("ingressClassName") == CLASS


def ingress_model(ingress: Document, around: Surroundings) -> LoadBalancerModel:
    """The ALB that the controller would make. Raises Refusal where it would make none."""
    metadata, spec = ingress["metadata"], ingress["spec"]
    namespace, name = metadata["namespace"], metadata["name"]
    source = f"Ingress {namespace}/{name}"
    given = Annotations.read(source, PREFIX, metadata.get("annotations"), known=(*_OF_BALANCER, *_OF_GROUP))
    for part in ("rules", "tls"):
        if spec.get(part):
            raise Refusal(f"spec.{part} is given, and only spec.defaultBackend is known", only_here=True)
    if not spec.get("defaultBackend"):
        raise Refusal("spec.defaultBackend is missing, and nothing else is known", only_here=True)
    scheme = given.choice("scheme", ("internal", "internet-facing"), "internal")
    attributes = given.pairs("load-balancer-attributes", _ATTRIBUTES)
    subnets = around.chosen_subnets(scheme, zones=2)  # ty: ignore[invalid-argument-type]
    group = _target_group(source, metadata, spec["defaultBackend"], around)
    return LoadBalancerModel(
        kind="application",
        source=source,
        name=balancer_name(namespace, name, cluster=around.cluster),
        scheme=scheme,  # ty: ignore[invalid-argument-type]
        subnets=subnets,
        listeners=_listeners(given, group, around),
        tags=tuple(sorted({**given.pairs("tags"), **_own_tags(around.cluster, namespace, name)}.items())),
        attributes=tuple(sorted(attributes.items())),
        web_acl=_web_acl(given, around),
        drop_invalid_headers=given.flag(
            "load-balancer-attributes", attributes, "routing.http.drop_invalid_header_fields.enabled"
        ),
        idle_timeout=given.seconds(
            "load-balancer-attributes", attributes, "idle_timeout.timeout_seconds", 60, least=1, most=4000
        ),
        allowed_cidrs=given.cidrs("inbound-cidrs"),
    )


def _own_tags(cluster: str, namespace: str, name: str) -> dict[str, str]:
    return {
        "elbv2.k8s.aws/cluster": cluster,
        "ingress.k8s.aws/stack": f"{namespace}/{name}",
        "ingress.k8s.aws/resource": "LoadBalancer",
    }


def _listeners(given: Annotations, group: TargetGroup, around: Surroundings) -> tuple[Listener, ...]:
    certificates = tuple(part.strip() for part in given.text("certificate-arn").split(",") if part.strip())
    ports = given.listen_ports('[{"HTTPS": 443}]' if certificates else '[{"HTTP": 80}]')
    secure = {port for protocol, port in ports if protocol == "HTTPS"}
    redirect = given.text("ssl-redirect")
    if redirect and (not redirect.isdigit() or int(redirect) not in secure):
        raise given.wrong("ssl-redirect", redirect, "it must be an HTTPS port of listen-ports")
    if secure and not certificates:
        raise Refusal("an HTTPS listener needs a certificate: certificate-arn is missing and spec.tls names no host")
    made = []
    for protocol, port in ports:
        if protocol == "HTTPS":
            for arn in certificates:
                around.require_certificate(arn)
            made.append(
                Listener(
                    port=port, protocol="HTTPS", ssl_policy=_ssl_policy(given), certificates=certificates, group=group
                )
            )
        elif redirect:
            made.append(Listener(port=port, protocol="HTTP", redirect_to=int(redirect)))
        else:
            made.append(Listener(port=port, protocol="HTTP", group=group))
    return tuple(made)


def _ssl_policy(given: Annotations) -> str:
    policy = given.text("ssl-policy", "ELBSecurityPolicy-2016-08")
    if policy not in SSL_POLICIES:
        # AWS has more policies than the settings admit: those are real, and not played here.
        made_up = not policy.startswith("ELBSecurityPolicy-")
        raise given.wrong(
            "ssl-policy",
            policy,
            f"SSLPolicyNotFound: it must be one of {', '.join(SSL_POLICIES)}",
            reason="FailedDeployModel",
            only_here=not made_up,
        )
    return policy


def _web_acl(given: Annotations, around: Surroundings) -> str:
    arn = given.text("wafv2-acl-arn")
    if arn and arn not in around.web_acls:
        raise given.wrong(
            "wafv2-acl-arn", arn, "WAFNonexistentItemException: there is none", reason="FailedDeployModel"
        )
    return arn


def _target_group(
    source: str, metadata: Mapping[str, Any], backend: Mapping[str, Any], around: Surroundings
) -> TargetGroup:
    namespace, annotations = metadata["namespace"], metadata.get("annotations")
    if "service" not in backend:
        raise Refusal("the backend must be a Service", reason="FailedBuildModel")
    service = f"{namespace}/{backend['service']['name']}"
    asked = backend["service"]["port"]
    port = around.service_port(service, asked.get("number") or asked.get("name"))
    of_service = around.services[service]["metadata"].get("annotations")
    # Of the Service only what belongs to a target group counts; of the Ingress everything was looked at already.
    Annotations.read(f"Service {service}", PREFIX, of_service, known=_OF_GROUP)
    given = Annotations.read(source, PREFIX, of_service, annotations, known=(*_OF_BALANCER, *_OF_GROUP))
    # The controller's own default is `instance`; its chart is told `ip` here (manifests/load_balancer_controller.py).
    if given.choice("target-type", ("ip", "instance"), "ip") != "ip":
        raise given.wrong("target-type", "instance", "the lab has no instances", only_here=True)
    protocol = given.choice("backend-protocol", ("HTTP", "HTTPS"), "HTTP")
    attributes = given.pairs("target-group-attributes", _GROUP_ATTRIBUTES)
    return TargetGroup(
        balancer=balancer_name(namespace, metadata["name"], cluster=around.cluster),
        service=service,
        port=port["port"],
        protocol=protocol,  # ty: ignore[invalid-argument-type]
        check=health_check(given, INGRESS_CHECK, protocols=("HTTP", "HTTPS"), default=protocol),
        deregistration_delay=given.seconds(
            "target-group-attributes", attributes, "deregistration_delay.timeout_seconds", 300, least=0, most=3600
        ),
        targets=around.targets(service, port),
    )

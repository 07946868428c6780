"""From a Service of type LoadBalancer to an NLB, as the controller decides (its pkg/service/model_build_*.go)."""

from __future__ import annotations

from lab.load_balancer.annotations import SERVICE_CHECK, Annotations, health_check
from lab.load_balancer.model import Listener, LoadBalancerModel, Refusal, TargetGroup
from lab.load_balancer.surroundings import Document, Surroundings, balancer_name

PREFIX = "service.beta.kubernetes.io/aws-load-balancer-"
CLASS = "service.k8s.aws/nlb"

_KNOWN = (
    "nlb-target-type",
    "scheme",
    "backend-protocol",
    "attributes",
    "target-group-attributes",
    "additional-resource-tags",
    *SERVICE_CHECK.all,
)
_ATTRIBUTES = frozenset(
    {
        "access_logs.s3.enabled",
        "access_logs.s3.bucket",
        "access_logs.s3.prefix",
        "deletion_protection.enabled",
        "load_balancing.cross_zone.enabled",
    }
)
_GROUP_ATTRIBUTES = frozenset(
    {
        "deregistration_delay.connection_termination.enabled",
        "deregistration_delay.timeout_seconds",
        "preserve_client_ip.enabled",
        "proxy_protocol_v2.enabled",
    }
)
# An NLB's idle timeout for TCP, in seconds.
_IDLE = 350


def ours(service: Document) -> bool:
    """Whether the Service asks the controller for an NLB."""
    return service["spec"].get("type") == "LoadBalancer" and service["spec"].get("loadBalancerClass") == CLASS


def service_model(service: Document, around: Surroundings) -> LoadBalancerModel:
    """The NLB that the controller would make. Raises Refusal where it would make none."""
    metadata, spec = service["metadata"], service["spec"]
    namespace, name = metadata["namespace"], metadata["name"]
    source = f"Service {namespace}/{name}"
    given = Annotations.read(source, PREFIX, metadata.get("annotations"), known=_KNOWN)
    if given.choice("nlb-target-type", ("ip", "instance"), "ip") != "ip":
        raise given.wrong("nlb-target-type", "instance", "the lab has no instances", only_here=True)
    given.choice("backend-protocol", ("tcp",), "tcp")
    scheme = given.choice("scheme", ("internal", "internet-facing"), "internal")
    attributes = given.pairs("attributes", _ATTRIBUTES)
    balancer = balancer_name(namespace, name, cluster=around.cluster)
    own = {
        "elbv2.k8s.aws/cluster": around.cluster,
        "service.k8s.aws/stack": f"{namespace}/{name}",
        "service.k8s.aws/resource": "LoadBalancer",
    }
    return LoadBalancerModel(
        kind="network",
        source=source,
        name=balancer,
        scheme=scheme,  # ty: ignore[invalid-argument-type]
        subnets=around.chosen_subnets(scheme, zones=1),  # ty: ignore[invalid-argument-type]
        listeners=_listeners(given, f"{namespace}/{name}", balancer, around),
        tags=tuple(sorted({**given.pairs("additional-resource-tags"), **own}.items())),
        attributes=tuple(sorted(attributes.items())),
        idle_timeout=_IDLE,
        allowed_cidrs=tuple(spec.get("loadBalancerSourceRanges") or ("0.0.0.0/0",)),
    )


def _listeners(given: Annotations, service: str, balancer: str, around: Surroundings) -> tuple[Listener, ...]:
    attributes = given.pairs("target-group-attributes", _GROUP_ATTRIBUTES)
    check = health_check(given, SERVICE_CHECK, protocols=("TCP", "HTTP", "HTTPS"), default="TCP")
    made = []
    for port in around.services[service]["spec"]["ports"]:
        if port.get("protocol", "TCP") != "TCP":
            raise Refusal(f"port {port['port']} is {port['protocol']}, and only TCP is known", only_here=True)
        group = TargetGroup(
            balancer=balancer,
            service=service,
            port=port["port"],
            protocol="TCP",
            check=check,
            deregistration_delay=given.seconds(
                "target-group-attributes", attributes, "deregistration_delay.timeout_seconds", 300, least=0, most=3600
            ),
            proxy_protocol=given.flag("target-group-attributes", attributes, "proxy_protocol_v2.enabled"),
            targets=around.targets(service, port),
        )
        made.append(Listener(port=port["port"], protocol="TCP", group=group))
    return tuple(made)

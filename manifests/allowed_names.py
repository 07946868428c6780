"""The names that the VPC's resolver looks up for a stack; every other one does not exist.

A name can carry what may not leave: whoever owns a zone reads what is asked for in it, without any connection. So names
are listed in full. Where a part of one is not known beforehand a wildcard stands for it, below a zone whose name
servers are AWS's or the registry's alone: nobody else reads what is asked for there.

Reverse names are not listed, and nothing here asks for them: whoever has a range of addresses owns a zone there too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from configuration.kinds.images import split_host
from configuration.settings import Settings
from manifests.cert_manager import IMAGES as CERT_MANAGER_IMAGES
from manifests.images import Images
from manifests.karpenter import IMAGE as KARPENTER_IMAGE
from manifests.load_balancer_controller import IMAGE as CONTROLLER_IMAGE
from versions import ISTIO_IMAGE_HUB, OTEL_COLLECTOR_IMAGE

# Where a registry sends those who pull from it. A redirection is a new question, not the rest of a chain of CNAMEs.
_REDIRECTIONS: dict[str, tuple[str, ...]] = {
    # https://docs.docker.com/desktop/setup/allow-list/
    "docker.io": ("registry-1.docker.io", "auth.docker.io", "production.cloudfront.docker.com"),
    # Red Hat adds numbered CDN hosts below it: https://access.redhat.com/articles/7001746
    "quay.io": ("quay.io", "*.quay.io"),
    # https://docs.github.com/en/packages/working-with-a-github-packages-registry/working-with-the-container-registry,
    # whose layers come from the second.
    "ghcr.io": ("ghcr.io", "pkg-containers.githubusercontent.com"),
    # https://anywhere.eks.amazonaws.com/docs/getting-started/vsphere/vsphere-prereq/ names the first of the two CDN
    # hosts; the second was seen beside it.
    "public.ecr.aws": ("public.ecr.aws", "d2glxqk2uabbnd.cloudfront.net", "d5l0dvt14r5h8.cloudfront.net"),
    # registry.k8s.io and others redirect to hosts that they promise nobody
    # (https://kubernetes.io/blog/2022/11/28/registry-k8s-io-faster-cheaper-ga/): mirror such an image (imageRegistry).
}
_ALIASES = {"index.docker.io": "docker.io", "registry-1.docker.io": "docker.io"}
_ECR = re.compile(r"\d{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com")
_ADDRESS = re.compile(r"[0-9.]+")


@dataclass(frozen=True, kw_only=True)
class AllowedName:
    """One name that is looked up. name: in full, or `*.` and a zone for every name below it."""

    name: str
    reason: str


def allowed_names(settings: Settings) -> tuple[AllowedName, ...]:
    """Every name that the stack needs, each once, with its first reason.

    As Route 53 takes them: letters, digits and hyphens, at most one asterisk and that at the beginning
    (https://docs.aws.amazon.com/Route53/latest/APIReference/API_route53resolver_UpdateFirewallDomains.html).
    """
    first: dict[str, AllowedName] = {}
    for found in (*_declared(settings), *_platform(settings), *_registries(settings), *_listed(settings)):
        first.setdefault(found.name, found)
    return tuple(first.values())


def _declared(settings: Settings) -> Iterator[AllowedName]:
    for namespace in settings.namespaces:
        for application in namespace.applications:
            who = f"{namespace.name}/{application.name}"
            for egress in application.egress:
                if egress.host:
                    yield AllowedName(name=egress.host, reason=f"egress of {who}")
            if application.managed_secrets:
                # The provider, on the node, for it.
                yield AllowedName(name=f"secretsmanager.{settings.region}.amazonaws.com", reason=f"secrets of {who}")
            for issuer in application.authentication.issuers if application.authentication else ():
                # istiod asks for the keys, at this name and not at the issuer's own.
                host = urlsplit(issuer.jwks_uri).hostname
                if host:
                    yield AllowedName(name=host, reason=f"keys of the users of {who}")


def _platform(settings: Settings) -> Iterator[AllowedName]:
    """What nodes and add-ons ask for, in the region's own form of each name.

    https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html lists them as endpoints, and the AWS SDK's
    own table says how each service's host is spelled.
    """
    region = settings.region
    for service, reason in (
        ("ec2", "nodeadm asks for the node's name, the CNI for interfaces, the load balancer controller for subnets"),
        ("sts", "roles for service accounts"),
        ("api.ecr", "kubelet's password for ECR"),
        ("elasticloadbalancing", "the load balancer controller"),
        ("wafv2", "the load balancer controller"),
    ):
        yield AllowedName(name=f"{service}.{region}.amazonaws.com", reason=reason)
    # The one service here whose only name is of the dual-stack form.
    yield AllowedName(name=f"eks-auth.{region}.api.aws", reason="Pod Identity's agent")
    # <id>.<cell>.<region>.eks.amazonaws.com; AWS picks id and cell.
    yield AllowedName(name=f"*.{region}.eks.amazonaws.com", reason="the API server, for nodes")
    if settings.cluster.node_group.autoscaler == "karpenter":
        for name in (
            *(f"{service}.{region}.amazonaws.com" for service in ("eks", "sqs", "ssm")),
            "iam.amazonaws.com",
            f"api.pricing.{_pricing_region(region)}.amazonaws.com",
        ):
            yield AllowedName(name=name, reason="Karpenter")
    observability = settings.observability
    if observability.tracing:
        yield AllowedName(name=f"xray.{region}.amazonaws.com", reason="the collector's traces")
    if observability.container_logs:
        yield AllowedName(name=f"logs.{region}.amazonaws.com", reason="the containers' logs")
        yield AllowedName(name=f"monitoring.{region}.amazonaws.com", reason="the CloudWatch agent's metrics")
    # The nodes' own names, and with them the last part of a pod's search path. The VPC's resolver answers these itself:
    # https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html
    zone = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    yield AllowedName(name=f"*.{zone}", reason="the nodes' own names")


def _pricing_region(region: str) -> str:
    """Of the three that have the price list, the one that Karpenter asks (pkg/providers/pricing/pricing.go, NewAPI)."""
    if region.startswith("ap-"):
        return "ap-south-1"
    return "eu-central-1" if region.startswith("eu-") else "us-east-1"


def _registries(settings: Settings) -> Iterator[AllowedName]:
    """Where images come from: with a registry set, from there; EKS's add-ons from ECR in any case."""
    yield from _ecr(settings.region, "EKS's add-ons")
    images = Images(settings.image_registry)
    sources = [
        (ISTIO_IMAGE_HUB, "Istio"),
        (CERT_MANAGER_IMAGES, "cert-manager"),
        (CONTROLLER_IMAGE, "the load balancer controller"),
        *([(KARPENTER_IMAGE, "Karpenter")] if settings.cluster.node_group.autoscaler == "karpenter" else []),
        *([(OTEL_COLLECTOR_IMAGE, "the collector")] if settings.observability.tracing else []),
        *(
            (application.image, f"{namespace.name}/{application.name}")
            for namespace in settings.namespaces
            for application in namespace.applications
            if application.image
        ),
    ]
    for image, who in sources:
        yield from _registry(split_host(images.ref(image))[0], f"the image of {who}")


def _registry(host: str, reason: str) -> Iterator[AllowedName]:
    host = host.partition(":")[0]
    ecr = _ECR.fullmatch(host)
    if ecr:
        yield from _ecr(ecr.group(1), reason)
    elif "." in host and not _ADDRESS.fullmatch(host):
        for name in _REDIRECTIONS.get(_ALIASES.get(host, host), (host,)):
            yield AllowedName(name=name, reason=reason)


def _ecr(region: str, reason: str) -> Iterator[AllowedName]:
    # Every account's registry: that of EKS's add-ons is another one in each region
    # (https://docs.aws.amazon.com/eks/latest/userguide/add-ons-images.html).
    yield AllowedName(name=f"*.dkr.ecr.{region}.amazonaws.com", reason=reason)
    yield AllowedName(name=f"api.ecr.{region}.amazonaws.com", reason=reason)
    # Layers: https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-minimum-s3-perms
    yield AllowedName(name=f"prod-{region}-starport-layer-bucket.s3.{region}.amazonaws.com", reason=f"layers: {reason}")


def _listed(settings: Settings) -> Iterator[AllowedName]:
    firewall = settings.network.dns_firewall
    for name in firewall.allowed_names if firewall else ():
        yield AllowedName(name=name, reason="network.dnsFirewall.allowedNames")

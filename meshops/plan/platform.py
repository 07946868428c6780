"""What a plan's resources say about the platform: network, load balancers, gateway, certificate, control plane."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from offline.objects import KubernetesObject, releases
from offline.registration import Registration
from offline.values import masked
from validation.alb import EVERYBODY
from validation.alb import PREFIX as _ALB


@dataclass(frozen=True, kw_only=True)
class ZoneFacts:
    """CIDRs, or the subnet's id where somebody else made it."""

    name: str
    public: str | None = None
    private: str | None = None
    nat: bool = False


@dataclass(frozen=True, kw_only=True)
class EntryFacts:
    """One way in. kind: ALB or NLB; tls_policy: of an ALB's listener; allowed: source CIDRs."""

    kind: str
    scheme: str
    allowed: tuple[str, ...]
    tls_policy: str | None = None
    certificate: str | None = None
    waf: bool = False


@dataclass(frozen=True, kw_only=True)
class CertificateFacts:
    """The gateway's own certificate; durations in hours."""

    algorithm: str
    size: int | None
    hours: int
    renew_hours: int
    issuer: str

    @property
    def key(self) -> str:
        """`ECDSA P-256`, `RSA 2048`."""
        if not self.size:
            return self.algorithm
        return f"{self.algorithm} {'P-' if self.algorithm == 'ECDSA' else ''}{self.size}"


@dataclass(frozen=True, kw_only=True)
class PlatformFacts:
    region: str
    vpc: str
    """Its CIDR, or the id of an existing one."""
    zones: tuple[ZoneFacts, ...]
    cluster: str
    nodes: str
    """E.g. 2 to 5 of m7g.large, by spot, or empty for an existing cluster."""
    entries: tuple[EntryFacts, ...]
    gateway_replicas: str
    certificate: CertificateFacts | None
    istio_version: str
    """Of the control planes, the older one first; empty without one."""
    trust_domain: str


def platform_facts(registrations: Sequence[Registration], objects: Sequence[KubernetesObject]) -> PlatformFacts:
    by_type: dict[str, list[Registration]] = {}
    for registration in registrations:
        by_type.setdefault(registration.type, []).append(registration)
    charts = {_chart(release): release for release in releases(registrations)}
    istiod = charts.get("istiod")
    versions = [
        str(release.inputs.get("version", "")) for release in releases(registrations) if _chart(release) == "istiod"
    ]
    return PlatformFacts(
        region=_region(by_type),
        vpc=_vpc(by_type),
        zones=_zones(by_type),
        cluster=_cluster(by_type),
        nodes=_nodes(by_type),
        entries=tuple(_entries(objects)),
        gateway_replicas=_gateway_replicas(charts.get("gateway")),
        certificate=next((_certificate(item) for item in objects if _is_gateways_certificate(item)), None),
        istio_version=" and ".join(versions),
        trust_domain=str(_dig(istiod, "values", "meshConfig", "trustDomain") or "cluster.local"),
    )


def _dig(registration: Registration | None, *path: str) -> Any:
    value: Any = masked(registration.inputs) if registration else None
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _chart(release: Registration) -> str:
    return str(release.inputs.get("chart", "")).rstrip("/").rpartition("/")[2]


def _region(by_type: Mapping[str, list[Registration]]) -> str:
    regions = [_dig(provider, "region") for provider in by_type.get("pulumi:providers:aws", ())]
    return next((str(region) for region in regions if region), "")


def _vpc(by_type: Mapping[str, list[Registration]]) -> str:
    for vpc in by_type.get("aws:ec2/vpc:Vpc", ()):
        return str(vpc.inputs.get("cidrBlock") or vpc.read_id)
    for cluster in by_type.get("eks:index:Cluster", ()):
        return str(cluster.inputs.get("vpcId", ""))
    return ""


def _zones(by_type: Mapping[str, list[Registration]]) -> tuple[ZoneFacts, ...]:
    found: dict[str, dict[str, Any]] = {}
    zone_of: dict[str, str] = {}
    for subnet in by_type.get("aws:ec2/subnet:Subnet", ()):
        zone = str(subnet.inputs.get("availabilityZone", "?"))
        tags = masked(subnet.inputs.get("tags") or {})
        side = "public" if "kubernetes.io/role/elb" in tags or subnet.name.startswith("public") else "private"
        found.setdefault(zone, {})[side] = str(subnet.inputs.get("cidrBlock") or subnet.read_id)
        zone_of[subnet.urn] = zone
    for gateway in by_type.get("aws:ec2/natGateway:NatGateway", ()):
        for urn in gateway.property_dependencies.get("subnetId", gateway.depends_on):
            if urn in zone_of:
                found[zone_of[urn]]["nat"] = True
    return tuple(ZoneFacts(name=zone, **found[zone]) for zone in sorted(found))


def _cluster(by_type: Mapping[str, list[Registration]]) -> str:
    for cluster in (*by_type.get("eks:index:Cluster", ()), *by_type.get("aws:eks/cluster:Cluster", ())):
        version = cluster.inputs.get("version")
        return f"{cluster.inputs.get('name') or cluster.name}{f' ({version})' if version else ''}"
    return ""


def _nodes(by_type: Mapping[str, list[Registration]]) -> str:
    """Groups of one kind as one, whichever zone each is in; and what Karpenter may add."""
    groups = (*by_type.get("aws:eks/nodeGroup:NodeGroup", ()), *by_type.get("eks:index:ManagedNodeGroup", ()))
    sizes: dict[str, list[tuple[Any, Any]]] = {}
    for group in groups:
        scaling = masked(group.inputs.get("scalingConfig") or {})
        types = ", ".join(masked(group.inputs.get("instanceTypes") or ()))
        capacity = str(group.inputs.get("capacityType") or "").replace("_", "-").lower()
        kind = f"{types} ({capacity})" if capacity else types
        sizes.setdefault(kind, []).append((scaling.get("minSize"), scaling.get("maxSize")))
    texts = [
        f"{_sum(low for low, _ in found)} to {_sum(high for _, high in found)} × {kind}"  # noqa: RUF001
        for kind, found in sizes.items()
    ]
    for pool in by_type.get("kubernetes:karpenter.sh/v1:NodePool", ()):
        limit = masked(pool.inputs["spec"]).get("limits", {}).get("cpu", "?")
        texts.append(f"Karpenter's of up to {limit} vCPU")
    return "; ".join(texts)


def _sum(sizes: Iterable[Any]) -> str:
    known = list(sizes)
    # A program that is not this one may leave a size to AWS, or have it from another resource.
    return str(sum(map(int, known))) if all(isinstance(size, int | float) for size in known) else "?"


_NLB = "service.beta.kubernetes.io/aws-load-balancer"


def _entries(objects: Sequence[KubernetesObject]) -> list[EntryFacts]:
    entries = []
    for item in objects:
        notes = masked(item.at("metadata", "annotations") or {})
        if item.kind == "Ingress":
            allowed = _list(notes.get(f"{_ALB}/inbound-cidrs"))
            entries.append(
                EntryFacts(
                    kind="ALB",
                    scheme=str(notes.get(f"{_ALB}/scheme", "internal")),
                    # Without a range the controller admits everybody.
                    allowed=allowed or (EVERYBODY,),
                    tls_policy=notes.get(f"{_ALB}/ssl-policy"),
                    certificate=notes.get(f"{_ALB}/certificate-arn"),
                    waf=f"{_ALB}/wafv2-acl-arn" in notes,
                )
            )
        elif item.kind == "Service" and item.at("spec", "type") == "LoadBalancer":
            ranges = item.at("spec", "loadBalancerSourceRanges")
            allowed = (
                tuple(ranges) if ranges else _list(notes.get("service.beta.kubernetes.io/load-balancer-source-ranges"))
            )
            entries.append(EntryFacts(kind="NLB", scheme=str(notes.get(f"{_NLB}-scheme", "internal")), allowed=allowed))
    return sorted(entries, key=lambda entry: entry.kind)


def _list(text: Any) -> tuple[str, ...]:
    return tuple(part.strip() for part in str(text or "").split(",") if part.strip())


def _gateway_replicas(release: Registration | None) -> str:
    scaling = _dig(release, "values", "autoscaling") or {}
    if scaling.get("enabled", True) and "minReplicas" in scaling:
        return f"{scaling['minReplicas']} to {scaling.get('maxReplicas', '?')}"
    return str(_dig(release, "values", "replicaCount") or "")


def _is_gateways_certificate(item: KubernetesObject) -> bool:
    return item.kind == "Certificate" and item.namespace == "istio-ingress"


def _certificate(item: KubernetesObject) -> CertificateFacts:
    key = item.at("spec", "privateKey") or {}
    issuer = item.at("spec", "issuerRef") or {}
    return CertificateFacts(
        algorithm=str(key.get("algorithm", "RSA")),
        size=key.get("size"),
        hours=_hours(item.at("spec", "duration"), 2160),
        renew_hours=_hours(item.at("spec", "renewBefore"), 720),
        issuer=f"{issuer.get('kind', 'Issuer')} {issuer.get('name', '')}",
    )


def _hours(text: Any, default: int) -> int:
    """`2160h0m0s` -> 2160."""
    number = str(text or "").partition("h")[0]
    return int(number) if number.isdigit() else default

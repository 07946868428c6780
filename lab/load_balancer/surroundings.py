"""What the controller looks at besides the object itself: the cluster's Services and endpoints, and the AWS account."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.load_balancer.model import Refusal, Scheme, Target
from meshops.preflight.aws import Subnet
from meshops.preflight.subnets import Demand, decide

Document = Mapping[str, Any]

_UNUSABLE = "UnsupportedCertificate"


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """services, slices: by `<namespace>/<name>` of the Service. certificates: ACM's status by ARN."""

    cluster: str
    subnets: tuple[Subnet, ...]
    services: Mapping[str, Document] = field(default_factory=dict)
    slices: Mapping[str, tuple[Document, ...]] = field(default_factory=dict)
    certificates: Mapping[str, str] = field(default_factory=dict)
    web_acls: frozenset[str] = frozenset()

    def chosen_subnets(self, scheme: Scheme, *, zones: int) -> tuple[str, ...]:
        """The subnets that the controller finds by their tags. Raises Refusal if that is too few.

        zones: how many it needs; an ALB two, an NLB one.
        """
        demand = Demand(cluster=self.cluster, scheme=scheme, zones=zones)
        decisions = decide(self.subnets, demand)
        chosen = tuple(sorted(decision.subnet.id for decision in decisions if decision.chosen))
        if len(chosen) >= zones:
            return chosen
        passed_over = "; ".join(f"{d.subnet.id} ({d.subnet.zone}): {d.reason}" for d in decisions if not d.chosen)
        raise Refusal(
            "couldn't auto-discover subnets: unable to resolve at least "
            f"{'one subnet' if zones == 1 else 'two subnets in different zones'}, found {len(chosen)} of "
            f"{len(self.subnets)} with {demand.role_tag}: {passed_over or 'the VPC has no subnet'}"
        )

    def require_certificate(self, arn: str) -> None:
        """Raises Refusal unless ACM has issued it."""
        status = self.certificates.get(arn)
        if status is None:
            raise Refusal(f"CertificateNotFound: Certificate '{arn}' not found", reason="FailedDeployModel")
        if status != "ISSUED":
            raise Refusal(f"{_UNUSABLE}: certificate '{arn}' is {status}, not ISSUED", reason="FailedDeployModel")

    def service_port(self, service: str, port: Any) -> Document:
        """The port of a Service by its number or name. Raises Refusal if there is none."""
        found = self.services.get(service)
        if found is None:
            raise Refusal(f"services {service.rpartition('/')[2]!r} not found in {service.partition('/')[0]}")
        for candidate in found["spec"].get("ports") or ():
            if port in (candidate["port"], candidate.get("name")):
                return candidate
        raise Refusal(f"unable to find port {port} on service {service}")

    def targets(self, service: str, port: Document) -> tuple[Target, ...]:
        """The ready endpoints of a Service's port; one that is going away is none."""
        found = set()
        for part in self.slices.get(service, ()):
            numbers = [p["port"] for p in part.get("ports") or () if (p.get("name") or "") == (port.get("name") or "")]
            for endpoint in part.get("endpoints") or () if part.get("addressType") == "IPv4" else ():
                conditions = endpoint.get("conditions") or {}
                if conditions.get("ready") is False or conditions.get("terminating"):
                    continue
                name = (endpoint.get("targetRef") or {}).get("name", "")
                found |= {Target(address=a, port=n, name=name) for a in endpoint["addresses"] for n in numbers}
        return tuple(sorted(found))


def balancer_name(namespace: str, name: str, *, cluster: str) -> str:
    """`k8s-<namespace>-<name>-<hash>`, as the controller names what has no name: at most 32 characters."""
    digest = hashlib.sha256(f"{cluster}/{namespace}/{name}".encode()).hexdigest()[:10]
    return f"k8s-{_letters(namespace)}-{_letters(name)}-{digest}"


def _letters(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", text)[:8]

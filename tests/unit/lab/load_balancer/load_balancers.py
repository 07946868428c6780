"""A cluster and an account for the tests of the load balancer controller's stand-in."""

from __future__ import annotations

import copy
from ipaddress import IPv4Network
from typing import Any

from configuration.load_balancer import LoadBalancer
from lab.load_balancer.surroundings import Surroundings
from manifests.ingress import alb_ingress, nlb_service
from meshops.preflight.aws import Subnet

Document = dict[str, Any]

CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/0"
WEB_ACL = "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/mesh/1"
SETTINGS = LoadBalancer(domain="lab.example.com", allowed_cidrs=(IPv4Network("198.51.100.0/24"),))
GATEWAY = "istio-ingress/istio-ingressgateway"


def ingress(without: str = "", **annotations: str) -> Document:
    """The program's Ingress. annotations: others, `_` for `-`; without: the one that is left out."""
    document = copy.deepcopy(alb_ingress(SETTINGS, certificate_arn=CERTIFICATE, tags={"environment": "lab"}))
    return _annotated(document, "alb.ingress.kubernetes.io/", without, annotations)


def balanced_service(without: str = "", **annotations: str) -> Document:
    """The program's Service of the NLB."""
    document = copy.deepcopy(nlb_service(SETTINGS, tags={"environment": "lab"}))
    return _annotated(document, "service.beta.kubernetes.io/aws-load-balancer-", without, annotations)


def _annotated(document: Document, prefix: str, without: str, annotations: dict[str, str]) -> Document:
    given = document["metadata"]["annotations"]
    given.update({f"{prefix}{name.replace('_', '-')}": value for name, value in annotations.items()})
    given.pop(f"{prefix}{without}", None)
    return document


def gateway_service(**annotations: str) -> Document:
    return {
        "metadata": {
            "namespace": "istio-ingress",
            "name": "istio-ingressgateway",
            "annotations": {f"alb.ingress.kubernetes.io/{k.replace('_', '-')}": v for k, v in annotations.items()},
        },
        "spec": {
            "ports": [
                {"name": "http2", "port": 80, "targetPort": 80},
                {"name": "https", "port": 443, "targetPort": 443},
            ]
        },
    }


def endpoint(address: str, **conditions: bool) -> Document:
    return {"addresses": [address], "conditions": conditions, "targetRef": {"name": f"gateway-{address}"}}


def endpoint_slice(*endpoints: Document, port: str = "https") -> Document:
    return {
        "addressType": "IPv4",
        "ports": [{"name": "http2", "port": 80}, {"name": port, "port": 443}],
        "endpoints": list(endpoints),
    }


def subnet(number: int, zone: str, *, role: str = "internal-elb", free: int = 100, **clusters: str) -> Subnet:
    """One that is tagged for a role (empty: for none) and for clusters, `_` for `-`."""
    tags = {f"kubernetes.io/role/{role}": "1"} if role else {}
    tags |= {f"kubernetes.io/cluster/{name.replace('_', '-')}": value for name, value in clusters.items()}
    return Subnet(
        id=f"subnet-{number}",
        zone=f"eu-west-1{zone}",
        locale="availability-zone",
        cidr=f"10.0.{number}.0/24",
        free_addresses=free,
        tags=tags,
    )


def around(**changes: Any) -> Surroundings:
    """A VPC with a tagged subnet in each of two zones, the gateway with two pods, an issued certificate."""
    nlb = nlb_service(SETTINGS)
    given: dict[str, Any] = {
        "cluster": "mesh-lab",
        "subnets": (subnet(1, "a", mesh_lab="shared"), subnet(2, "b", mesh_lab="shared")),
        "services": {GATEWAY: gateway_service(), f"{GATEWAY}-nlb": nlb},
        "slices": {
            GATEWAY: (endpoint_slice(endpoint("10.0.0.6", ready=True), endpoint("10.0.0.5", ready=True)),),
            f"{GATEWAY}-nlb": (endpoint_slice(endpoint("10.0.0.5", ready=True), port="tls"),),
        },
        "certificates": {CERTIFICATE: "ISSUED"},
        "web_acls": frozenset({WEB_ACL}),
    }
    return Surroundings(**{**given, **changes})

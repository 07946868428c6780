"""A lab that is as it should be, for the tests of its report; each test spoils one thing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from configuration.parsing import parse
from configuration.settings import Settings
from lab.load_balancer.report import Standing
from lab.report.inspection import Analysis, ApplicationPod, Inspection, InstalledChart, IssuedCertificate
from lab.report.report import Applied
from meshops.checks.model import Result, Verdict
from meshops.preflight.subnets import CHECK

APPLICATIONS = [
    {"name": "web", "image": "ghcr.io/example/web:v1", "port": 8080, "hosts": ["web.test.example.com"]},
    {"name": "job", "image": "ghcr.io/example/job:v1"},
    {"name": "theirs", "workload": "external", "port": 8080},
]


def settings(phase: str = "strict") -> Settings:
    tree: dict[str, object] = {
        "network": {"cidr": "10.0.0.0/16", "zones": ["eu-west-1a", "eu-west-1b"]},
        "cluster": {"name": "mesh-test"},
        "loadBalancer": {
            "domain": "test.example.com",
            "hostedZoneId": "Z0123456789ABCDEFGHIJ",
            "allowedCidrs": ["10.0.0.0/8"],
        },
        "namespaces": [{"name": "shop", "phase": phase, "applications": APPLICATIONS}],
    }
    config = {f"zero-trust-mesh:{key}": json.dumps(value) for key, value in tree.items()}
    return parse("test", {"aws:region": "eu-west-1", "zero-trust-mesh:environment": "test", **config})


def pod(application: str) -> ApplicationPod:
    return ApplicationPod(
        namespace="shop",
        application=application,
        pod=f"{application}-1",
        proxy_image="docker.io/istio/proxyv2:1.31.1",
        revision="1-31-1",
        phase="Running",
    )


CERTIFICATE = IssuedCertificate(
    key="ECDSA secp256r1",
    lifetime=timedelta(hours=2160),
    ends=datetime(2027, 2, 19, tzinfo=UTC),
    issuer="itself (self-signed)",
    names=("test.example.com", "*.test.example.com"),
)

WILDCARD = Analysis(
    code="IST0174",
    level="Warning",
    origin="DestinationRule istio-system/mesh-mutual-tls",
    message="The host *.local defined in the DestinationRule does not match any services in the mesh.",
)

INSPECTION = Inspection(
    charts=(
        InstalledChart(
            release="istiod", namespace="istio-system", chart="istiod-1.0.0", revision="1", status="deployed"
        ),
    ),
    objects={"Namespace": 2, "Sidecar": 3},
    analysis=(WILDCARD,),
    analysis_problem="",
    certificate=CERTIFICATE,
    pods=(pod("web"), pod("job")),
    preflight=(Result(check=CHECK, verdict=Verdict(status="pass", finding="2 subnets.")),),
)

STANDING = Standing(
    source="Ingress in/gateway",
    wish="1",
    address="10.201.0.10",
    ports=(80, 443),
    targets={"10.201.64.2:443": "healthy", "10.201.64.3:443": "initial"},
)

APPLIED = Applied(
    kinds={"Namespace": 2, "Sidecar": 3},
    releases=("istio-system/istiod",),
    not_installed={"kube-system/aws-load-balancer-controller": "no package registry carries its chart"},
    real={"aws:ec2/vpc:Vpc": 1, "aws:ec2/subnet:Subnet": 4},
    recorded={"aws:eks/addon:Addon": 4},
    endpoint_url="http://127.0.0.1:5000",
    balancers=(str(STANDING),),
    images={"*/collector:*": "counts spans"},
)

"""A lab that is as it should be, for the tests of its report; each test spoils one thing."""

from __future__ import annotations

from lab.load_balancer.report import Standing
from lab.report.inspection import Inspection, InstalledChart
from lab.report.report import Applied
from meshops.checks.model import Result, Verdict
from meshops.preflight.subnets import CHECK

INSPECTION = Inspection(
    charts=(
        InstalledChart(
            release="istiod", namespace="istio-system", chart="istiod-1.0.0", revision="1", status="deployed"
        ),
    ),
    objects={"Namespace": 2, "Sidecar": 3},
    preflight=(Result(check=CHECK, verdict=Verdict(status="pass", finding="2 subnets.")),),
)

STANDING = Standing(
    source="Ingress in/gateway",
    host="k8s-in-gateway-1.eu-west-1.elb.amazonaws.com",
    address="10.201.0.10",
    ports=(80, 443),
    targets={"10.201.64.2:443": "healthy", "10.201.64.3:443": "initial"},
)

APPLIED = Applied(
    kinds={"Namespace": 2, "Sidecar": 3},
    releases=("istio-system/istiod",),
    real={"aws:ec2/vpc:Vpc": 1, "aws:ec2/subnet:Subnet": 4},
    recorded={"aws:eks/addon:Addon": 4},
    endpoint_url="http://127.0.0.1:5000",
    balancers=(str(STANDING),),
    images={"*/collector:*": "counts spans"},
)

"""Load balancers as the controller makes them of the program's objects, and the lab's moto to make them in."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

from lab.aws.made import Aws
from lab.load_balancer.model import HealthCheck, Listener, LoadBalancerModel, Target, TargetGroup
from lab.waiting import until

CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/0"
POLICY = "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09"
GATEWAY = "istio-ingress/istio-ingressgateway"
CHECK = HealthCheck(
    protocol="HTTP", port=15021, path="/healthz/ready", interval=15, timeout=5, healthy=2, unhealthy=2, codes="200"
)
GROUP = TargetGroup(
    arn="arn:group",
    name="k8s-gateway",
    protocol="HTTPS",
    check=CHECK,
    targets=(Target(address="10.0.0.5", port=443), Target(address="10.0.0.6", port=443)),
)


def alb(
    *, policy: str = POLICY, group: TargetGroup = GROUP, drop_invalid: bool = True, **https: Any
) -> LoadBalancerModel:
    """The program's ALB: port 80 sends on to port 443, which leads to the gateway. https: of that listener."""
    https = {"allowed_cidrs": ("198.51.100.0/24",), **https}
    return LoadBalancerModel(
        kind="application",
        source=f"Ingress {GATEWAY}",
        name="k8s-alb",
        host="k8s-alb-1.eu-west-1.elb.amazonaws.com",
        listeners=(
            Listener(port=80, protocol="HTTP", redirect_to=443),
            Listener(port=443, protocol="HTTPS", ssl_policy=policy, certificates=(CERTIFICATE,), group=group, **https),
        ),
        drop_invalid_headers=drop_invalid,
    )


def nlb() -> LoadBalancerModel:
    """The program's NLB."""
    check = replace(CHECK, protocol="TCP", port=None)
    group = replace(GROUP, arn="arn:nlb", name="k8s-nlb-443", protocol="TCP", check=check, targets=GROUP.targets[:1])
    return LoadBalancerModel(
        kind="network",
        source=f"Service {GATEWAY}-nlb",
        name="k8s-nlb",
        host="k8s-nlb-1.eu-west-1.elb.amazonaws.com",
        listeners=(Listener(port=443, protocol="TCP", group=group),),
        idle_timeout=350,
    )


@contextlib.contextmanager
def running_moto() -> Generator[Aws]:
    """The lab's moto server, as a process of its own: what is changed in moto stays there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        at = f"127.0.0.1:{probe.getsockname()[1]}"
    root = Path(__file__).resolve().parents[4]
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.aws.moto_server", at],
        env={**os.environ, "PYTHONPATH": str(root), "MOTO_ACM_VALIDATION_WAIT": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def answers() -> bool:
        with contextlib.suppress(urllib.error.URLError):
            return urllib.request.urlopen(f"http://{at}/lab/version", timeout=5).status == 200
        return False

    try:
        until(answers, seconds=60, what="moto")
        yield Aws(endpoint_url=f"http://{at}", region="eu-west-1", pods="10.201.64.0/18")
    finally:
        process.terminate()
        process.wait(timeout=20)

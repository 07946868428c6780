"""What a request takes on the running lab, and what the proxies hold for it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Any

from lab.cluster.control_plane import ControlPlane
from lab.errors import LabError
from lab.load_balancer import report as balancers
from meshops.verify.probes.pods import HARDENED
from versions import CURL_IMAGE

_NAMESPACE = "secure-apps"
_CALLEE = "http://billing-api.secure-apps.svc.cluster.local:3000/api/data"
_HOST = "app.lab.example.com"
_CLIENT = "lab-costs"
_GATEWAY = "istio-ingress"


def measure(plane: ControlPlane, requests: int) -> tuple[tuple[str, str], ...]:
    """Raises LabError."""
    with client(plane):
        inside = _times(plane.kubectl(*_curl(requests)))
    outside = _times(_from_here(plane, requests))
    pods = json.loads(plane.kubectl("get", "pods", "--all-namespaces", "--output=json"))["items"]
    proxies = [pod for pod in pods if _proxy(pod)]
    sidecars = [pod for pod in proxies if pod["metadata"]["namespace"] != _GATEWAY]
    gateways = [pod for pod in proxies if pod["metadata"]["namespace"] == _GATEWAY]
    rows = [
        (f"pod to pod, through both sidecars, {requests} requests on one connection", inside),
        (f"load balancer to pod, through the gateway, {requests} requests on one connection", outside),
    ]
    for name, some in (("a sidecar", sidecars), ("a gateway", gateways)):
        memory = [admin(plane, pod, "memory") for pod in some]
        allocated = median(int(json.loads(text)["allocated"]) for text in memory) / 2**20
        size = median(len(admin(plane, pod, "config_dump")) for pod in some) / 2**10
        rows.append((f"memory that Envoy has allocated in {name} (median of {len(some)})", f"{allocated:.1f} MiB"))
        rows.append((f"configuration of {name}, as JSON", f"{size:.0f} KiB"))
    return tuple(rows)


def _times(text: str) -> str:
    """Median and 99th percentile of curl's seconds, one a line, each after its status."""
    answers = [line.split() for line in text.splitlines() if line.strip()]
    refused = [status for status, _ in answers if status != "200"]
    if refused or len(answers) < 2:
        raise LabError(f"{len(refused)} of {len(answers)} requests were not answered: {sorted(set(refused))}")
    # The first one opens the connection.
    times = [float(seconds) * 1000 for _, seconds in answers[1:]]
    return f"{median(times):.2f} ms, 99 %: {quantiles(times, n=100)[98]:.2f} ms"


_FORMAT = ("--silent", "--output", "/dev/null", "--write-out", "%{http_code} %{time_total}\\n")


def _curl(requests: int) -> Sequence[str]:
    # Of a range in the query there is one request for each number, on one connection.
    inside = ("exec", f"--namespace={_NAMESPACE}", _CLIENT, "--container=curl", "--")
    return (*inside, "curl", *_FORMAT, f"{_CALLEE}?n=[1-{requests}]")


def _from_here(plane: ControlPlane, requests: int) -> str:
    found = json.loads(plane.kubectl("get", "ingress", f"--namespace={_GATEWAY}", "--output=json"))["items"]
    address = balancers.addresses(plane.state.root)[found[0]["status"]["loadBalancer"]["ingress"][0]["hostname"]]
    url = f"https://{_HOST}/healthz?n=[1-{requests}]"
    command = ("curl", "--insecure", "--http1.1", *_FORMAT, "--connect-to", f"{_HOST}:443:{address}:443", url)
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300).stdout


@contextmanager
def client(plane: ControlPlane) -> Generator[dict[str, Any]]:
    """A pod of frontend-ui's identity, that is no endpoint of its Service."""
    users = {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": _CLIENT, "namespace": _NAMESPACE, "labels": {"app": "frontend-ui"}},
        "spec": {
            "serviceAccountName": "frontend-ui-sa",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "readinessGates": [{"conditionType": "lab/never-in-service"}],
            "securityContext": users,
            "containers": [
                {
                    "name": "curl",
                    "image": CURL_IMAGE,
                    "command": ["sleep", "infinity"],
                    "securityContext": dict(HARDENED),
                }
            ],
        },
    }
    where = (f"--namespace={_NAMESPACE}", "pod", _CLIENT)
    plane.kubectl("create", "--filename=-", stdin=json.dumps(pod))
    try:
        plane.kubectl("wait", *where, "--for=condition=ContainersReady", "--timeout=90s")
        yield pod
    finally:
        plane.kubectl("delete", *where, "--grace-period=1")


def _proxy(pod: dict[str, Any]) -> bool:
    containers = [*pod["spec"]["containers"], *pod["spec"].get("initContainers", ())]
    there = any(container["name"] == "istio-proxy" for container in containers)
    return there and pod["status"].get("phase") == "Running"


def admin(plane: ControlPlane, pod: dict[str, Any], path: str) -> str:
    """What a sidecar's administration says. Raises LabError."""
    metadata = pod["metadata"]
    where = ("exec", f"--namespace={metadata['namespace']}", metadata["name"], "--container=istio-proxy", "--")
    return plane.kubectl(*where, "pilot-agent", "request", "GET", path)

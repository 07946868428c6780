"""The probe pods: their documents, what curl is told, and what it said. Pure; `runs` runs them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from manifests.document import Document, document
from manifests.images import Images
from meshops.verify.calls import CAGE, OUTSIDE, Call, Client, Purpose
from meshops.verify.facts import MANAGED_BY, RUN_LABEL, Answer
from versions import CURL_IMAGE

CONTAINER = "probe"
PROXY = "istio-proxy"
DEADLINE_SECONDS = 180
"""Kubernetes itself ends a probe pod after this long, whatever became of the run that made it."""
GATE = "meshops.verify/never-in-service"
# Nobody listens there, in any pod: curl waits this long before it tries again, and the pod with it. A sidecar ends with
# its pod, and with it the lines that it has not written yet. Not the probe's own curl: a connection is logged when it
# ends, and curl keeps its connections for as long as it runs. The run removes the pod long before.
_LINGER = ["--silent", "--retry", "1", "--retry-delay", "30", "--retry-connrefused", "http://127.0.0.1:9/"]
_CONNECT_SECONDS = "3"
_CALL_SECONDS = "8"
_SIDECAR_SIZE: Mapping[str, str] = {"sidecar.istio.io/proxyCPU": "10m", "sidecar.istio.io/proxyMemory": "64Mi"}
_SETTLING = 24
"""Times, a second apart, that a pod tries what its own NetworkPolicies decide, until they do.
Those of a new pod take a moment to be in force, longer where nodes are busy; what comes after is what they let happen.
Others' policies know it no sooner, but refuse whom they do not know.
https://docs.aws.amazon.com/eks/latest/userguide/cni-network-policy-configure.html (standard mode)"""
_REFUSED: frozenset[Purpose] = frozenset(("caged", "past-sidecar"))
_ADMITTED: frozenset[Purpose] = frozenset(("gateway", "gateway-older-tls", "network-declared", "platform-declared"))
HARDENED: Mapping[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
"""The security context of a probe's container: the `restricted` Pod Security level admits it."""
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)


def run_namespace(run: str) -> str:
    return f"meshops-verify-{run}"


def agent_of(run: str, call_id: str) -> str:
    """The User-Agent of one call, by which every log on its way knows it."""
    return f"meshops-verify/{run}/{call_id}"


def namespace_document(run: str) -> Document:
    """The run's own namespace, outside the mesh and with the restricted Pod Security level."""
    labels = {**run_labels(run), "pod-security.kubernetes.io/enforce": "restricted"}
    return document("v1", "Namespace", run_namespace(run), labels=labels)


def cage(run: str) -> Document:
    """Lets pods with the label go nowhere, in the run's own namespace."""
    spec = {"podSelector": {"matchLabels": {CAGE: "true"}}, "policyTypes": ["Egress"]}
    return document("networking.k8s.io/v1", "NetworkPolicy", "meshops-verify-cage", namespace=run_namespace(run),
                    labels=run_labels(run), spec=spec)  # fmt: skip


def pod_document(name: str, client: Client, calls: Iterable[Call], *, run: str, images: Images) -> Document:
    """A pod that makes its calls, prints what came back and ends; with a sidecar it lives on until the run removes it.

    It never receives traffic: a readiness gate that nobody opens keeps it out of every Service whose selector its
    labels match, and without `pod-template-hash` no ReplicaSet adopts it.
    """
    made = tuple(calls)
    probe = _container(CONTAINER, curl_arguments(made, run=run), images)
    if settled := _settled(client, made):
        probe |= {"command": ["sh", "-c", f'{settled}exec curl "$@"', "curl"]}
    containers = [
        probe,
        *((_container("linger", _LINGER, images),) if client.injected else ()),
    ]
    return probe_pod(name, client, containers, run=run)


def _settled(client: Client, calls: tuple[Call, ...]) -> str:
    """The shell's line that ends once the NetworkPolicies of the pod are in force; empty where none is waited for."""
    waits: list[str] = []
    for until, decided in (("while", _REFUSED), ("until", _ADMITTED)):
        if call := next((call for call in calls if call.purpose in decided), None):
            tries = f"n=$((n + 1)); [ $n -lt {_SETTLING} ] || break; sleep 1"
            waits.append(f"n=0; {until} {_connects(call)}; do {tries}; done; ")
    return "".join(waits) if client != OUTSIDE else ""


def _connects(call: Call) -> str:
    """Whether the call's address takes a connection, whatever is said on it."""
    asked = "curl --silent --insecure --output /dev/null --max-time 1 --write-out '%{time_connect}'"
    return f'[ "$({asked} {shlex.quote(call.url)})" != 0.000000 ]'


def probe_pod(
    name: str,
    client: Client,
    containers: list[dict[str, Any]],
    *,
    run: str,
    seconds: int = DEADLINE_SECONDS,
    volumes: Iterable[dict[str, Any]] = (),
    labels: Mapping[str, str] | None = None,
    gated: bool = True,
) -> Document:
    """A pod in the place of `client`. seconds: after which Kubernetes ends it. gated: it never receives traffic."""
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": seconds,
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        **({"readinessGates": [{"conditionType": GATE}]} if gated else {}),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": containers,
    }
    if mounted := list(volumes):
        spec["volumes"] = mounted
    if client.service_account:
        spec["serviceAccountName"] = client.service_account
    injection = {} if client.injected else {"sidecar.istio.io/inject": "false"}
    return document(
        "v1",
        "Pod",
        name,
        namespace=client.namespace or run_namespace(run),
        labels={**dict(client.labels), **run_labels(run), **injection, **(labels or {})},
        annotations={**(_SIDECAR_SIZE if client.injected else {}), **dict(client.annotations)},
        spec=spec,
    )


def _container(name: str, arguments: list[str], images: Images) -> dict[str, Any]:
    return {
        "name": name,
        "image": images.ref(CURL_IMAGE),
        "command": ["curl"],
        "args": arguments,
        "securityContext": dict(HARDENED),
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
    }


def curl_arguments(calls: Iterable[Call], *, run: str) -> list[str]:
    """One curl for all calls of a pod, side by side: a call that only times out must not hold up the others.

    What came back is printed to its standard error, which is not buffered: it is there at once.
    """
    arguments = ["--no-progress-meter", "--parallel", "--parallel-immediate"]
    for number, call in enumerate(calls):
        arguments += ["--next"] if number else []
        arguments += [
            "--silent",
            "--show-error",
            "--output",
            "/dev/null",
            "--connect-timeout",
            _CONNECT_SECONDS,
            "--max-time",
            _CALL_SECONDS,
            "--user-agent",
            agent_of(run, call.id),
            *(("--head",) if call.method == "HEAD" else ("--request", call.method)),
            *(("--header", f"Host: {call.host}") if call.host and call.callee else ()),
            *call.options,
            "--write-out",
            f"%{{stderr}}\\n{call.id} %{{json}}\\n",
            call.url,
        ]
    return arguments


def answers(output: str) -> dict[str, Answer]:
    """Call id -> what curl printed about it. Other lines, such as its errors, are passed over."""
    found: dict[str, Answer] = {}
    for line in output.splitlines():
        call_id, _, text = line.partition(" ")
        if not text.startswith("{"):
            continue
        try:
            fields = json.loads(text)
        except json.JSONDecodeError:
            continue
        found[call_id] = _answer(fields)
    return found


def _answer(fields: Mapping[str, Any]) -> Answer:
    port = int(fields.get("local_port") or 0)
    return Answer(
        exit_code=int(fields["exitcode"]),
        http_code=int(fields.get("http_code") or 0),
        error=str(fields.get("errormsg") or ""),
        local_address=f"{fields.get('local_ip')}:{port}" if port > 0 else "",
        remote_ip=str(fields.get("remote_ip") or ""),
        certificates=tuple(_PEM.findall(str(fields.get("certs") or ""))),
    )


def run_labels(run: str) -> dict[str, str]:
    return {"app.kubernetes.io/managed-by": MANAGED_BY, RUN_LABEL: run}

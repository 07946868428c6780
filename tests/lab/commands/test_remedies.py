"""Each way through that was closed: the attempt fails, and succeeds again when its remedy is taken out."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from configuration.load_balancer import LoadBalancer
from lab.commands.verification import prove
from lab.load_balancer import report as balancers
from lab.paths import STACK
from manifests.ingress import nlb_service
from manifests.mesh_policies import destination_rule
from meshops.checks.model import Report
from meshops.stack_settings import stack_settings
from tests import ROOT
from tests.whole_lab import WholeLab
from versions import CURL_IMAGE, PYTHON_IMAGE

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

_BOOKKEEPING = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation")
HOST = "app.lab.example.com"
BILLING = "billing-api.secure-apps.svc.cluster.local"
_SERVER = """
import http.server
class Impostor(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"served by another: {self.headers}".encode())
http.server.ThreadingHTTPServer(("", 3000), Impostor).serve_forever()
"""


def _verify(lab: WholeLab, *only: str) -> Report:
    return prove(lab.plane, stack_settings(ROOT, STACK), STACK, only=only)


def _kubectl(lab: WholeLab, *arguments: str, document: dict[str, Any] | None = None) -> str:
    done = lab.tool("kubectl", *arguments, stdin=None if document is None else json.dumps(document))
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module", autouse=True)
def without_network_policies(whole_lab: WholeLab) -> Iterator[None]:
    """They would refuse most of these attempts before the remedy is asked (test_network_policies.py)."""
    found = whole_lab.get("networkpolicies", "--all-namespaces")["items"]
    for policy in found:
        for field in _BOOKKEEPING:
            policy["metadata"].pop(field, None)
        _kubectl(
            whole_lab, "delete", "networkpolicy", policy["metadata"]["name"], "-n", policy["metadata"]["namespace"]
        )
    yield
    _kubectl(whole_lab, "create", "--filename=-", document={"apiVersion": "v1", "kind": "List", "items": found})


@contextmanager
def _made(lab: WholeLab, document: dict[str, Any]) -> Generator[None]:
    """It is there, and a pod of it is ready, while this lasts."""
    metadata = document["metadata"]
    where = (document["kind"].lower(), metadata["name"], f"--namespace={metadata['namespace']}")
    _kubectl(lab, "create", "--filename=-", document=document)
    try:
        if document["kind"] == "Pod":
            _kubectl(lab, "wait", *where[:2], where[2], "--for=condition=ContainersReady", "--timeout=90s")
        yield
    finally:
        _kubectl(lab, "delete", *where, "--ignore-not-found", "--grace-period=1")


@contextmanager
def _without(lab: WholeLab, kind: str, name: str, namespace: str) -> Generator[None]:
    where = f"--namespace={namespace}"
    before = lab.get(kind, name, where)
    for field in _BOOKKEEPING:
        before["metadata"].pop(field, None)
    _kubectl(lab, "delete", kind, name, where)
    try:
        yield
    finally:
        _kubectl(lab, "create", "--filename=-", document=before)


@contextmanager
def _changed(lab: WholeLab, kind: str, name: str, namespace: str, patch: Any) -> Generator[None]:
    """patch: a JSON patch's operations; the paths must exist."""
    where = (kind, name, f"--namespace={namespace}")
    before = lab.get(*where)
    back = [{"op": "replace", "path": one["path"], "value": _at(before, one["path"])} for one in patch]
    _kubectl(lab, "patch", *where, "--type=json", f"--patch={json.dumps(patch)}")
    try:
        yield
    finally:
        _kubectl(lab, "patch", *where, "--type=json", f"--patch={json.dumps(back)}")


def _at(tree: Any, path: str) -> Any:
    for escaped in path.strip("/").split("/"):
        key = escaped.replace("~1", "/")
        tree = tree[int(key)] if isinstance(tree, list) else tree[key]
    return tree


def _pod(name: str, *, labels: dict[str, str], account: str, command: list[str], **annotations: str) -> dict[str, Any]:
    """A pod of secure-apps with a sidecar; its image is the one that has the command."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "secure-apps", "labels": labels, "annotations": annotations},
        "spec": {
            "serviceAccountName": account,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "curl",
                    "image": PYTHON_IMAGE if command[0] == "python3" else CURL_IMAGE,
                    "command": command,
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }


def _caller() -> dict[str, Any]:
    """frontend-ui's identity, Sidecar and policies in the hands of somebody else; never an endpoint of its Service."""
    pod = _pod("compromised", labels={"app": "frontend-ui"}, account="frontend-ui-sa", command=["sleep", "infinity"])
    pod["spec"]["readinessGates"] = [{"conditionType": "tests/never-in-service"}]
    return pod


def _curl(lab: WholeLab, *arguments: str) -> str:
    """In `compromised`: the body and the status."""
    inside = ("exec", "--namespace=secure-apps", "compromised", "--container=curl", "--")
    return lab.tool(
        "kubectl", *inside, "curl", "--silent", "--max-time", "5", "--write-out", " HTTP %{http_code}", *arguments
    ).stdout


def _eventually(ask: Callable[[], str], *words: str) -> str:
    """The first answer with one of these words; what was said last where none comes."""
    deadline, said = time.monotonic() + 60, ""
    while time.monotonic() < deadline:
        said = ask()
        if any(word in said for word in words):
            break
        time.sleep(1)
    return said


def _attacked(lab: WholeLab, target: Path, *only: str) -> dict[str, str]:
    """Attempt -> pass, fail or listed. That each of them is refused while all remedies stand, test_attack.py shows."""
    ran = lab.command("attack", "--only", *only, "--format", "json", "--output", str(target))
    assert target.is_file(), f"{ran.stdout[-1000:]}{ran.stderr[-1000:]}"
    return {item["id"]: item["status"] for item in json.loads(target.read_text(encoding="utf-8"))["results"]}


def _from_this_machine(address: str) -> str:
    """A public host, at the address of a load balancer: curl's exit code and the status."""
    command = ["curl", "--silent", "--insecure", "--max-time", "5", "--connect-to", f"{HOST}:443:{address}:443"]
    wanted = ["--output", "/dev/null", "--write-out", "HTTP %{http_code}, exit %{exitcode}", f"https://{HOST}/healthz"]
    return subprocess.run([*command, *wanted], capture_output=True, text=True, check=False, timeout=20).stdout


def _gateway(lab: WholeLab) -> str:
    pods = lab.get("pods", "--namespace=istio-ingress", "--selector=istio=ingressgateway")["items"]
    return pods[0]["status"]["podIP"]


def test_a_proxy_that_serves_its_metrics_to_others_serves_all_of_its_admin_interface(whole_lab: WholeLab) -> None:
    assert _verify(whole_lab, "MV306", "MV308").passed
    open_again = json.dumps({"proxyMetadata": {"METRICS_LOCALHOST_ACCESS_ONLY": "false"}})
    pod = _pod(
        "open-metrics",
        labels={"app": "inventory-job"},
        account="inventory-job-sa",
        command=["sleep", "infinity"],
        **{"proxy.istio.io/config": open_again},
    )
    with _made(whole_lab, pod):
        found = _verify(whole_lab, "MV306").result("MV306").verdict
    assert found.status == "fail"
    said = " ".join((found.finding, *found.evidence))
    assert "15090/stats/prometheus/../../config_dump: HTTP 200" in said


def test_without_its_own_address_istiod_serves_configuration_to_anybody(whole_lab: WholeLab) -> None:
    assert _verify(whole_lab, "MV307").passed
    (deployment,) = whole_lab.get("deployments", "--namespace=istio-system", "--selector=app=istiod")["items"]
    name, container = deployment["metadata"]["name"], deployment["spec"]["template"]["spec"]["containers"][0]
    assert "--grpcAddr=127.0.0.1:15010" in container["args"]
    ours = ("--grpcAddr", "--monitoringAddr=127.")
    arguments = [argument for argument in container["args"] if not argument.startswith(ours)]
    path = "/spec/template/spec/containers/0/args"
    rollout = ("rollout", "status", f"deployment/{name}", "--namespace=istio-system", "--timeout=180s")
    try:
        with _changed(
            whole_lab, "deployment", name, "istio-system", [{"op": "replace", "path": path, "value": arguments}]
        ):
            _kubectl(whole_lab, *rollout)
            found = _verify(whole_lab, "MV307").result("MV307").verdict
    finally:
        _kubectl(whole_lab, *rollout)
    assert found.status == "fail"
    assert "15010/: the port is open" in " ".join((found.finding, *found.evidence))


def test_without_the_log_format_and_the_filter_a_caller_writes_its_own_audit_line(whole_lab: WholeLab) -> None:
    assert _verify(whole_lab, "MV407", "MV626").passed
    (name,) = (
        item["metadata"]["name"]
        for item in whole_lab.get("configmaps", "--namespace=istio-system")["items"]
        if item["metadata"]["name"].startswith("istio-1-")
    )
    text = whole_lab.get("configmap", name, "--namespace=istio-system")["data"]["mesh"]
    assert "%REQ_WITHOUT_QUERY(:PATH):1024%" in text
    trusting = text.replace("%REQ_WITHOUT_QUERY(:PATH):1024%", "%REQ_WITHOUT_QUERY(X-ENVOY-ORIGINAL-PATH?:PATH)%")
    patch = [{"op": "replace", "path": "/data/mesh", "value": trusting}]
    with (
        _without(whole_lab, "envoyfilter", "headers-nobody-may-send", "istio-system"),
        _changed(whole_lab, "configmap", name, "istio-system", patch),
    ):
        deadline = time.monotonic() + 90
        while (report := _verify(whole_lab, "MV407", "MV626")).result("MV407").status == "pass":
            assert time.monotonic() < deadline, "the proxies still log what they saw"
    assert "logged as /meshops-verify-forged" in report.result("MV407").verdict.finding
    assert report.result("MV626").status == "fail"


def test_with_the_filter_alone_taken_out_an_application_is_told_another_method_than_its_policy_saw(
    whole_lab: WholeLab,
) -> None:
    # A pod of billing-api's own identity, that says which headers it was sent.
    echo = _pod("echo", labels={"app": "billing-api"}, account="billing-api-sa", command=["python3", "-c", _SERVER])
    header = ("--header", "x-http-method-override: DELETE", "--header", "x-envoy-original-path: /other")

    def answers() -> str:
        return "".join(_curl(whole_lab, *header, f"http://{BILLING}:3000/api/data") for _ in range(16)).lower()

    with _made(whole_lab, _caller()), _made(whole_lab, echo):
        ready = ("wait", "pod", "echo", "--namespace=secure-apps", "--for=condition=Ready", "--timeout=60s")
        _kubectl(whole_lab, *ready)
        closed = _eventually(answers, "served by another")
        with _without(whole_lab, "envoyfilter", "headers-nobody-may-send", "istio-system"):
            opened = _eventually(answers, "x-http-method-override")
    assert "served by another" in closed
    assert "x-http-method-override" not in closed
    assert "x-envoy-original-path" not in closed
    assert "x-http-method-override: delete" in opened


def test_a_policy_for_the_whole_namespace_opens_its_private_applications_to_the_gateway(whole_lab: WholeLab) -> None:
    route = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "stolen", "namespace": "payments"},
        "spec": {
            "hosts": [HOST],
            "gateways": ["istio-ingress/istio-shared-gateway"],
            "http": [
                {
                    "match": [{"uri": {"exact": "/api/data"}}],
                    "route": [{"destination": {"host": BILLING, "port": {"number": 3000}}}],
                }
            ],
        },
    }
    policy = {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "allow-ingress-gateway", "namespace": "secure-apps"},
        "spec": {
            "action": "ALLOW",
            "rules": [
                {
                    "from": [{"source": {"principals": ["cluster.local/ns/istio-ingress/sa/istio-ingressgateway"]}}],
                    "to": [{"operation": {"hosts": [HOST, f"{HOST}:*"]}}],
                }
            ],
        },
    }
    asked = ("--insecure", "--resolve", f"{HOST}:443:{_gateway(whole_lab)}", f"https://{HOST}/api/data")
    outside = _caller() | {"spec": _caller()["spec"] | {"readinessGates": []}}
    # Not captured, so that its own sidecar does not stop it: a client at the gateway's door.
    outside["metadata"] |= {"labels": {"sidecar.istio.io/inject": "false"}}
    # It is closed twice: the gateway is not told of a Service that is not public, and its policy does not admit it.
    everywhere = [{"op": "replace", "path": "/metadata/annotations/networking.istio.io~1exportTo", "value": "*"}]
    with _made(whole_lab, outside), _made(whole_lab, route):
        unknown = _eventually(lambda: _curl(whole_lab, *asked), "HTTP 503")
        with _changed(whole_lab, "service", "billing-api", "secure-apps", everywhere):
            closed = _eventually(lambda: _curl(whole_lab, *asked), "HTTP 403")
            with _made(whole_lab, policy):
                opened = _eventually(lambda: _curl(whole_lab, *asked), "HTTP 200")
    assert "HTTP 503" in unknown
    assert "HTTP 403" in closed
    assert "invoice" in opened
    assert "HTTP 200" in opened


def test_a_client_that_names_no_identity_talks_to_whoever_carries_the_label(whole_lab: WholeLab) -> None:
    impostor = _pod(
        "impostor", labels={"app": "billing-api"}, account="inventory-job-sa", command=["python3", "-c", _SERVER]
    )
    name = {"name": "billing-api", "namespace": "secure-apps"}
    unnamed = destination_rule("billing-api", BILLING, "ISTIO_MUTUAL", namespace="secure-apps")
    assert unnamed["metadata"] == name

    def answers() -> str:
        return "".join(_curl(whole_lab, f"http://{BILLING}:3000/api/data") for _ in range(16))

    with _made(whole_lab, _caller()), _made(whole_lab, impostor):
        _kubectl(
            whole_lab, "wait", "pod", "impostor", "--namespace=secure-apps", "--for=condition=Ready", "--timeout=60s"
        )
        time.sleep(3)
        closed = answers()
        with _without(whole_lab, "destinationrule", "billing-api", "secure-apps"), _made(whole_lab, unnamed):
            opened = _eventually(answers, "served by another")
    assert "served by another" not in closed
    assert "invoice" in closed
    assert "served by another" in opened


def test_an_nlb_at_the_port_that_ends_tls_leads_to_every_host_of_the_alb(whole_lab: WholeLab) -> None:
    settings = LoadBalancer(
        domain="x.example.com", allowed_cidrs=(IPv4Network("10.0.0.0/8"),), deletion_protection=False
    )
    service = nlb_service(settings)
    service["metadata"]["name"] = "scratch-nlb"

    def asked() -> str:
        found = whole_lab.get("service", "scratch-nlb", "--namespace=istio-ingress")
        entries = found["status"]["loadBalancer"].get("ingress") or ({},)
        address = balancers.addresses(whole_lab.state).get(entries[0].get("hostname", ""))
        return _from_this_machine(address) if address else "no address yet"

    with _made(whole_lab, service):
        closed = _eventually(asked, "exit 35", "exit 56", "exit 52")
        port = [{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 443}]
        with _changed(whole_lab, "service", "scratch-nlb", "istio-ingress", port):
            opened = _eventually(asked, "HTTP 200")
    assert "HTTP 200" not in closed
    assert "HTTP 200" in opened


def test_without_its_limits_the_gateway_waits_for_whoever_says_nothing(whole_lab: WholeLab, tmp_path: Path) -> None:
    with _without(whole_lab, "envoyfilter", "gateway-limits", "istio-system"):
        time.sleep(5)
        opened = _attacked(whole_lab, tmp_path / "opened", "MA644", "MA645")
    assert opened == {"MA644": "fail", "MA645": "fail"}


def test_without_its_limits_the_gateway_takes_an_underscore_for_a_hyphen_s_twin(whole_lab: WholeLab) -> None:
    gateway = _gateway(whole_lab)
    asked = ["curl", "--http1.1", "--silent", "--insecure", "--max-time", "5"]
    asked += ["--connect-to", f"{HOST}:443:{gateway}:443"]
    asked += ["--header", "x_real_ip: 198.51.100.7", "--output", "/dev/null", "--write-out", "HTTP %{http_code}"]

    def answer() -> str:
        done = subprocess.run([*asked, f"https://{HOST}/"], capture_output=True, text=True, check=False, timeout=20)
        return done.stdout

    # The test before this one may have put the limits back a moment ago: they reach the gateway by a push.
    closed = _eventually(answer, "HTTP 400")
    with _without(whole_lab, "envoyfilter", "gateway-limits", "istio-system"):
        opened = _eventually(answer, "HTTP 200")
    assert (closed, opened) == ("HTTP 400", "HTTP 200")


def test_without_istiods_settings_a_proxy_learns_of_others_and_a_certificate_outlives_its_token(
    whole_lab: WholeLab, tmp_path: Path
) -> None:
    (deployment,) = whole_lab.get("deployments", "--namespace=istio-system", "--selector=app=istiod")["items"]
    name, container = deployment["metadata"]["name"], deployment["spec"]["template"]["spec"]["containers"][0]
    ours = ("PILOT_FILTER_GATEWAY_CLUSTER_CONFIG", "PILOT_SCOPE_GATEWAY_TO_NAMESPACE", "MAX_WORKLOAD_CERT_TTL")
    assert set(ours) <= {one["name"] for one in container["env"]}
    kept = [one for one in container["env"] if one["name"] not in ours]
    patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/env", "value": kept}]
    rollout = ("rollout", "status", f"deployment/{name}", "--namespace=istio-system", "--timeout=180s")
    try:
        with _changed(whole_lab, "deployment", name, "istio-system", patch):
            _kubectl(whole_lab, *rollout)
            opened = _attacked(whole_lab, tmp_path / "opened", "MA224", "MA326")
    finally:
        _kubectl(whole_lab, *rollout)
    assert opened == {"MA224": "fail", "MA326": "fail"}


def test_with_the_filter_taken_out_a_client_decides_what_is_traced(whole_lab: WholeLab, tmp_path: Path) -> None:
    with _without(whole_lab, "envoyfilter", "headers-nobody-may-send", "istio-system"):
        time.sleep(5)
        opened = _attacked(whole_lab, tmp_path / "opened", "MA529")
    assert opened == {"MA529": "fail"}


def test_only_where_the_sidecar_begins_tls_another_host_behind_a_declared_name_is_refused(
    whole_lab: WholeLab, tmp_path: Path
) -> None:
    assert _attacked(whole_lab, tmp_path / "both", "MA705", "MA730") == {"MA705": "listed", "MA730": "pass"}


def test_without_its_refusals_an_application_answers_whoever_has_no_token(whole_lab: WholeLab, tmp_path: Path) -> None:
    (name,) = (
        item["metadata"]["name"]
        for item in whole_lab.get("authorizationpolicies", "--namespace=secure-apps")["items"]
        if item["metadata"]["name"].endswith(".authentication")
    )
    with _without(whole_lab, "authorizationpolicy", name, "secure-apps"):
        time.sleep(5)
        opened = _attacked(whole_lab, tmp_path / "opened", "MA340", "MA348")
    assert opened == {"MA340": "fail", "MA348": "fail"}

"""istiod and cert-manager in the lab: installed by their charts, run as their own Deployments' pods."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from lab.cluster.control_plane import ControlPlane
from lab.node.nodes import NODES
from lab.waiting import until
from tests.lab.conftest import REVISION, TAG, kubectl, run

pytestmark = pytest.mark.timeout(900)

WORKLOAD = f"""
apiVersion: v1
kind: Namespace
metadata: {{name: apps, labels: {{istio.io/rev: {TAG}}}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: billing-sa, namespace: apps}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: billing, namespace: apps}}
spec:
  selector: {{matchLabels: {{app: billing}}}}
  template:
    metadata: {{labels: {{app: billing}}}}
    spec:
      serviceAccountName: billing-sa
      containers: [{{name: app, image: example/billing:1}}]
"""

CERTIFICATE = """
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: selfsigned}
spec: {selfSigned: {}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: gateway, namespace: default}
spec:
  secretName: gateway-tls
  duration: 2160h
  renewBefore: 720h
  privateKey: {algorithm: ECDSA, size: 256, rotationPolicy: Always}
  dnsNames: [apps.example.com]
  issuerRef: {name: selfsigned, kind: ClusterIssuer}
"""


def test_every_pod_of_the_control_plane_is_a_ready_pod_of_its_deployment(mesh: ControlPlane) -> None:
    deployments = json.loads(kubectl(mesh, "get", "deployments", "--all-namespaces", "--output=json"))["items"]
    ready = {item["metadata"]["name"]: item["status"].get("readyReplicas", 0) for item in deployments}
    assert {name: count for name, count in ready.items() if name != "billing"} == {
        f"istiod-{REVISION}": 1, "cert-manager": 1, "cert-manager-webhook": 1, "cert-manager-cainjector": 1,
    }  # fmt: skip


def test_a_pod_in_a_labelled_namespace_gets_the_sidecar_of_the_tags_revision(mesh: ControlPlane) -> None:
    kubectl(mesh, "apply", "--filename=-", stdin=WORKLOAD)

    def pods() -> list[dict[str, Any]]:
        return json.loads(kubectl(mesh, "get", "pods", "--namespace=apps", "--output=json"))["items"]

    (pod,) = until(pods, seconds=30, what="the Deployment's pod")
    sidecars = [c for c in pod["spec"]["initContainers"] if c["name"] == "istio-proxy"]
    assert [c["image"] for c in sidecars] == ["docker.io/istio/proxyv2:1.31.1"]
    assert pod["metadata"]["annotations"]["istio.io/rev"] == REVISION
    assert pod["spec"]["initContainers"][0]["name"] == "istio-validation", "istio-cni was not in force"


def test_the_validating_webhook_refuses_what_the_schema_accepts(mesh: ControlPlane) -> None:
    wrong = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: wrong, namespace: default}
spec: {selector: {istio: none}, servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: ["*"]}]}
"""
    with pytest.raises(AssertionError, match=r"validation.istio.io.*denied the request"):
        kubectl(mesh, "apply", "--filename=-", stdin=wrong)


def test_cert_managers_webhook_refuses_a_certificate_without_a_name(mesh: ControlPlane) -> None:
    wrong = CERTIFICATE.replace("  dnsNames: [apps.example.com]\n", "").replace("name: gateway,", "name: nameless,")
    with pytest.raises(AssertionError, match=r"webhook.cert-manager.io.*denied the request"):
        kubectl(mesh, "apply", "--filename=-", stdin=wrong)


def test_a_self_signed_ecdsa_certificate_of_90_days_becomes_ready(mesh: ControlPlane) -> None:
    kubectl(mesh, "apply", "--filename=-", stdin=CERTIFICATE)
    kubectl(mesh, "wait", "--for=condition=Ready", "certificate/gateway", "--namespace=default", "--timeout=30s")
    secret = json.loads(kubectl(mesh, "get", "secret", "gateway-tls", "--namespace=default", "--output=json"))
    issued = x509.load_pem_x509_certificate(base64.b64decode(secret["data"]["tls.crt"]))
    key = issued.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert (issued.not_valid_after_utc - issued.not_valid_before_utc).days == 90
    assert issued.issuer == issued.subject


def test_istioctl_analyze_runs_against_the_lab(mesh: ControlPlane) -> None:
    assert "Error" not in run(mesh, "istioctl", "analyze", "--all-namespaces")


def test_a_deleted_pod_is_replaced_and_its_processes_end(mesh: ControlPlane) -> None:
    label = "--selector=app=istiod"
    (before,) = json.loads(kubectl(mesh, "get", "pods", label, "--namespace=istio-system", "--output=json"))["items"]
    kubectl(mesh, "delete", "pod", before["metadata"]["name"], "--namespace=istio-system", "--timeout=60s")
    kubectl(
        mesh, "wait", "--for=condition=Available", f"deployment/istiod-{REVISION}", "--namespace=istio-system",
        "--timeout=60s",
    )  # fmt: skip
    (after,) = json.loads(kubectl(mesh, "get", "pods", label, "--namespace=istio-system", "--output=json"))["items"]
    assert after["status"]["podIP"] != before["status"]["podIP"]
    directories = [node.root(mesh.state) / "var/lib/kubelet/pods" / before["metadata"]["uid"] for node in NODES]
    until(lambda: not any(path.exists() for path in directories), seconds=60, what="the end of the pod's directory")

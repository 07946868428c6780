"""Who calls the stack's applications: pods with curl, two of them with the identity of one, and a client outside."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from examples.cluster import load_balancer_address
from examples.documents import shown_path
from examples.steps import Expectation, Steps
from manifests.ingress import INGRESS_NAME
from manifests.names import ISTIO_INGRESS

Caller = Literal["as-frontend-ui", "as-inventory-job", "outsider"]

NAMESPACE, OUTSIDE = "secure-apps", "examples-outside"
_STATUS = r"\nHTTP %{http_code}\n"
_DOCUMENTS = Path(__file__).resolve().parent / "callers.yaml"


def deploy(steps: Steps) -> None:
    """Makes them, waits until they are ready, and takes them away at the end."""
    delete = ["kubectl", "delete", "-f", shown_path(_DOCUMENTS), "--ignore-not-found", "--wait"]
    steps.cleanup("The callers go", delete, timeout=120)
    steps.run("The callers are made", ["kubectl", "apply", "-f", shown_path(_DOCUMENTS)])
    for namespace, names in ((NAMESPACE, ("as-frontend-ui", "as-inventory-job")), (OUTSIDE, ("outsider",))):
        pods = [f"pod/{name}" for name in names]
        wait = ["kubectl", "wait", "-n", namespace, *pods, "--for=condition=ContainersReady", "--timeout=90s"]
        steps.run(f"Those in {namespace} are ready", wait, timeout=100)


def in_pod(caller: Caller) -> list[str]:
    """`kubectl exec` into one of them; a command follows."""
    namespace = OUTSIDE if caller == "outsider" else NAMESPACE
    return ["kubectl", "exec", "-n", namespace, caller, "-c", "curl", "--"]


def call(caller: Caller, url: str, *options: str) -> list[str]:
    """curl in one of them; it prints the body and then a line with the HTTP status, which is 000 without an answer."""
    return [*in_pod(caller), "curl", "-sS", "-m", "5", *options, "-w", _STATUS, url]


def from_outside(steps: Steps, title: str, host: str, path: str, expect: Expectation) -> None:
    """A client of the load balancer asks for a public name, over all three layers."""
    address = load_balancer_address(steps, "ingress", ISTIO_INGRESS, INGRESS_NAME, timeout=60)
    steps.say("""The load balancer ends TLS with the certificate of ACM, opens TLS to the gateway, and the gateway opens
        mutual TLS to the pod. In a lab that certificate is a stand-in's, which no public authority signed: hence
        --insecure.""")
    curl = ["curl", "-sS", "-m", "10", "--insecure", "--connect-to", f"{host}:443:{address}:443", "-w", _STATUS]
    steps.until(title, [*curl, f"https://{host}{path}"], expect=expect, timeout=60)

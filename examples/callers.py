"""Pods with curl that call the stack's applications: two with the identity of one of them, one outside the mesh."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from examples.documents import shown_path
from examples.steps import Steps

Caller = Literal["as-frontend-ui", "as-inventory-job", "outsider"]

NAMESPACE, OUTSIDE = "secure-apps", "examples-outside"
_DOCUMENTS = Path(__file__).resolve().parent / "callers.yaml"


def deploy(steps: Steps) -> None:
    """Makes them, waits until they are ready, and takes them away at the end."""
    delete = ["kubectl", "delete", "-f", shown_path(_DOCUMENTS), "--ignore-not-found", "--wait"]
    steps.cleanup("The callers go", delete, timeout=120)
    steps.run("The callers are made", ["kubectl", "apply", "-f", shown_path(_DOCUMENTS)])
    for namespace, names in ((NAMESPACE, ("as-frontend-ui", "as-inventory-job")), (OUTSIDE, ("outsider",))):
        pods = [f"pod/{name}" for name in names]
        wait = ["kubectl", "wait", "-n", namespace, *pods, "--for=condition=Ready", "--timeout=90s"]
        steps.run(f"Those in {namespace} are ready", wait, timeout=100)


def in_pod(caller: Caller) -> list[str]:
    """`kubectl exec` into one of them; a command follows."""
    namespace = OUTSIDE if caller == "outsider" else NAMESPACE
    return ["kubectl", "exec", "-n", namespace, caller, "-c", "curl", "--"]


def call(caller: Caller, url: str, *options: str) -> list[str]:
    """curl in one of them; it prints the body and then a line with the HTTP status, which is 000 without an answer."""
    return [*in_pod(caller), "curl", "-sS", "-m", "5", *options, "-w", r"\nHTTP %{http_code}\n", url]

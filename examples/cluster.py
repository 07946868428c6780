"""What the scripts ask of the cluster: is the place free, is nothing left, what is the injection label."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from examples.steps import ExpectationError, Steps, matches

ISTIO_KINDS: tuple[str, ...] = (
    "gateways.networking.istio.io",
    "virtualservices.networking.istio.io",
    "destinationrules.networking.istio.io",
    "sidecars.networking.istio.io",
    "serviceentries.networking.istio.io",
    "peerauthentications.security.istio.io",
    "authorizationpolicies.security.istio.io",
)
_PATIENCE_SECONDS = 60.0


def own_namespaces(steps: Steps, *names: str) -> None:
    """Refuses to begin where one of these namespaces exists: the script would delete somebody's work at its end."""
    found = steps.read(["kubectl", "get", "namespace", *names, "--ignore-not-found", "--output=name"])
    if found:
        raise ExpectationError(f"{', '.join(found.split())} exists already, and this script would delete it at its end")


def leaves_nothing(steps: Steps, *kinds: str) -> None:
    """Notes what is in the cluster, and compares when all other cleaning is done: call it first.

    kinds: what to compare besides namespaces and Istio's own kinds.
    """
    looked_at = ("namespaces", *ISTIO_KINDS, *kinds)
    before = _objects(steps, looked_at)

    def compare() -> None:
        began = time.monotonic()
        left = _objects(steps, looked_at) - before
        while left and time.monotonic() - began < _PATIENCE_SECONDS:
            time.sleep(1)
            left = _objects(steps, looked_at) - before
        found = "\n".join(sorted(left)) or f"{len(looked_at)} kinds compared: the same objects as before"
        steps.check(found, "nothing left", holds=not left)

    steps.at_end("Is anything left that was not there before?", compare)


def injection_revision(steps: Steps) -> str:
    """The revision that a namespace's label must name: the one that the gateway has its proxies from."""
    path = r"jsonpath={.metadata.labels.istio\.io/rev}"
    found = steps.read(["kubectl", "get", "namespace", "istio-ingress", "-o", path])
    if not found:
        raise ExpectationError(
            "the gateway's namespace names no revision: this mesh's namespaces are labelled otherwise"
        )
    return found


def load_balancer_address(steps: Steps, kind: str, namespace: str, name: str, *, timeout: float) -> str:
    """The address of an Ingress or a Service once its controller has written it: a number where there is one.

    A file that $LOAD_BALANCER_HOSTS names, a JSON object of names and addresses, stands in for DNS.
    """
    status = "jsonpath={.status.loadBalancer.ingress[0].ip} {.status.loadBalancer.ingress[0].hostname}"
    answer = steps.until(
        f"The load balancer's address is in the status of {kind} {name}",
        ["kubectl", "get", kind, name, "-n", namespace, "-o", status],
        expect=matches(r"\S", "an address"),
        timeout=timeout,
    )
    written = answer.output.split()[0]
    hosts = os.environ.get("LOAD_BALANCER_HOSTS")
    return _looked_up(written, Path(hosts), timeout) if hosts else written


def _looked_up(name: str, hosts: Path, seconds: float) -> str:
    deadline = time.monotonic() + seconds
    while name not in (known := json.loads(hosts.read_text(encoding="utf-8"))):
        if time.monotonic() > deadline:
            raise ExpectationError(f"{hosts} has no address of {name}")
        time.sleep(0.5)
    return str(known[name])


def public_domain(steps: Steps) -> str:
    """The domain of the stack: the gateway's own certificate covers every name one label below it."""
    path = "jsonpath={.items[*].spec.dnsNames[*]}"
    names = steps.read(["kubectl", "get", "certificates.cert-manager.io", "-n", "istio-ingress", "-o", path]).split()
    wildcard = next((name for name in names if name.startswith("*.")), None)
    if wildcard is None:
        raise ExpectationError("no Certificate in istio-ingress covers a wildcard: the stack's domain is unknown")
    return wildcard.removeprefix("*.")


def _objects(steps: Steps, kinds: Sequence[str]) -> set[str]:
    columns = "custom-columns=KIND:.kind,NAMESPACE:.metadata.namespace,NAME:.metadata.name"
    argv = ["kubectl", "get", ",".join(kinds), "--all-namespaces", "--no-headers", "-o", columns]
    return {" ".join(line.split()) for line in steps.read(argv).splitlines()}

"""The API server's objects, by one `kubectl get`, and the gateway's public certificate."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from manifests.names import AGENTS_VARIABLE, GATEWAY_TLS_SECRET, ISTIO_INGRESS
from meshops.checks.model import Unavailable
from meshops.tools import ToolError, Tools
from meshops.verify.facts import MANAGED_BY, LiveObject, Objects, Pod

KINDS: tuple[str, ...] = (
    "pods",
    "namespaces",
    "services",
    "ingresses.networking.k8s.io",
    "networkpolicies.networking.k8s.io",
    "clusterroles.rbac.authorization.k8s.io",
    "clusterrolebindings.rbac.authorization.k8s.io",
    "rolebindings.rbac.authorization.k8s.io",
    "validatingadmissionpolicies.admissionregistration.k8s.io",
    "validatingadmissionpolicybindings.admissionregistration.k8s.io",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "peerauthentications.security.istio.io",
    "requestauthentications.security.istio.io",
    "authorizationpolicies.security.istio.io",
    "destinationrules.networking.istio.io",
    "gateways.networking.istio.io",
    "virtualservices.networking.istio.io",
    "sidecars.networking.istio.io",
    "envoyfilters.networking.istio.io",
    "serviceentries.networking.istio.io",
    "telemetries.telemetry.istio.io",
    "certificates.cert-manager.io",
)

_REACH = "See that the kubeconfig is the cluster's and that its user may read these kinds in every namespace."


def gather_objects(tools: Tools) -> Objects | Unavailable:
    try:
        text = tools.ask_kubectl(
            "get", ",".join(KINDS), "--all-namespaces", "--output=json", "--show-managed-fields", seconds=60
        )
    except ToolError as problem:
        return Unavailable(reason=f"The cluster's objects could not be read: {problem}", remedy=_REACH)
    try:
        return parse_objects(json.loads(text))
    except (ValueError, KeyError, TypeError) as problem:
        return Unavailable(reason=f"kubectl's answer could not be read: {problem!r}", remedy=_REACH)


def parse_objects(answer: Mapping[str, Any]) -> Objects:
    """kubectl's List. What verify itself made is set apart: it comes and goes with a run."""
    pods: list[Pod] = []
    leftovers: list[LiveObject] = []
    others: dict[tuple[str, str, str], LiveObject] = {}
    for item in answer["items"]:
        metadata = item["metadata"]
        labels = metadata.get("labels") or {}
        found = LiveObject(
            kind=item["kind"],
            namespace=metadata.get("namespace", ""),
            name=metadata["name"],
            labels=labels,
            content=item,
        )
        if labels.get("app.kubernetes.io/managed-by") == MANAGED_BY:
            leftovers.append(found)
        elif item["kind"] == "Pod":
            pods.append(_pod(item, labels))
        else:
            others[found.key] = found
    return Objects(pods=tuple(sorted(pods, key=str)), others=others, leftovers=tuple(leftovers))


def _pod(item: Mapping[str, Any], labels: Mapping[str, str]) -> Pod:
    metadata, spec, status = item["metadata"], item["spec"], item.get("status") or {}
    containers = [*(spec.get("initContainers") or ()), *spec["containers"]]
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions") or ()}
    return Pod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        labels=labels,
        service_account=spec.get("serviceAccountName", "default"),
        phase=status.get("phase", "Unknown"),
        ip=status.get("podIP", ""),
        ready=conditions.get("Ready") == "True",
        leaving="deletionTimestamp" in metadata,
        sidecar=any(container["name"] == "istio-proxy" for container in containers),
        revision=(metadata.get("annotations") or {}).get("istio.io/rev", ""),
        images=tuple(sorted({container["image"] for container in containers})),
        host_network=bool(spec.get("hostNetwork")),
        made=datetime.fromisoformat(made) if (made := metadata.get("creationTimestamp")) else None,
        aws_identity=any(
            entry["name"] == AGENTS_VARIABLE
            for container in containers
            if container["name"] != "istio-proxy"
            for entry in container.get("env") or ()
        ),
    )


def gather_secret(tools: Tools) -> str | Unavailable:
    """The public half only: kubectl prints nothing else of the secret."""
    try:
        text = tools.ask_kubectl(
            "get",
            "secret",
            GATEWAY_TLS_SECRET,
            f"--namespace={ISTIO_INGRESS}",
            r"--output=jsonpath={.data.tls\.crt}",
        )
        return base64.b64decode(text, validate=True).decode()
    except (ToolError, binascii.Error, UnicodeDecodeError) as problem:
        return Unavailable(
            reason=f"The certificate in secret {ISTIO_INGRESS}/{GATEWAY_TLS_SECRET} could not be read: {problem}",
            remedy="See that cert-manager has issued it, and that the kubeconfig's user may read the secret.",
        )

"""Hands documents to the engine: the one place where a manifest becomes a Pulumi resource."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from manifests.document import Document
from versions import Chart

# Kinds that Pulumi knows and waits for (a Deployment until it is rolled out, a Service until it has endpoints).
# Everything else must be a custom resource; a built-in kind that is missing here is refused rather than submitted
# as an object whose readiness nobody awaits.
_BUILT_IN: Mapping[tuple[str, str], Callable[..., pulumi.CustomResource]] = {
    ("v1", "Namespace"): kubernetes.core.v1.Namespace,
    ("v1", "ServiceAccount"): kubernetes.core.v1.ServiceAccount,
    ("v1", "Service"): kubernetes.core.v1.Service,
    ("v1", "ConfigMap"): kubernetes.core.v1.ConfigMap,
    ("apps/v1", "Deployment"): kubernetes.apps.v1.Deployment,
    ("policy/v1", "PodDisruptionBudget"): kubernetes.policy.v1.PodDisruptionBudget,
    ("networking.k8s.io/v1", "NetworkPolicy"): kubernetes.networking.v1.NetworkPolicy,
    ("networking.k8s.io/v1", "Ingress"): kubernetes.networking.v1.Ingress,
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): kubernetes.rbac.v1.ClusterRole,
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): kubernetes.rbac.v1.ClusterRoleBinding,
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): kubernetes.rbac.v1.RoleBinding,
    (
        "admissionregistration.k8s.io/v1",
        "ValidatingAdmissionPolicy",
    ): kubernetes.admissionregistration.v1.ValidatingAdmissionPolicy,
    (
        "admissionregistration.k8s.io/v1",
        "ValidatingAdmissionPolicyBinding",
    ): kubernetes.admissionregistration.v1.ValidatingAdmissionPolicyBinding,
}

# Groups of Kubernetes itself: without a dot, or below k8s.io. (Gateway API and the like live below x-k8s.io or
# gateway.networking.k8s.io and are custom resources, but this program uses none of them.)
_KUBERNETES_GROUP = re.compile(r"(v1|[a-z]+/v\w+|[a-z.]+\.k8s\.io/v\w+)")


def submit(document: Document, *, opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    """Registers one Kubernetes object and returns it.

    Its logical name is `<namespace>/<name>`, or `<name>` where it is cluster-scoped: keyed by what it is. Values may
    be Outputs, as leaves. Raises ValueError for a built-in kind that the program does not know how to await.
    """
    api_version, kind = document["apiVersion"], document["kind"]
    body = {key: value for key, value in document.items() if key not in ("apiVersion", "kind")}
    name = logical_name(document)
    typed = _BUILT_IN.get((api_version, kind))
    if typed is not None:
        return typed(name, opts=opts, **{_snake_case(key): value for key, value in body.items()})
    if _KUBERNETES_GROUP.fullmatch(api_version):
        raise ValueError(f"{api_version} {kind} is a kind of Kubernetes itself, and components/submission.py lacks it")
    return kubernetes.apiextensions.CustomResource(name, api_version=api_version, kind=kind, opts=opts, **body)


def submit_all(documents: Iterable[Document], *, opts: pulumi.ResourceOptions) -> tuple[pulumi.CustomResource, ...]:
    """Registers several objects that need nothing of each other, in their order."""
    return tuple(submit(document, opts=opts) for document in documents)


def patch_namespace(document: Document, *, opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    """Sets labels and annotations on a Namespace that somebody else made; a destroy takes back these only.

    Server-side apply: fields of other owners stay theirs. Raises ValueError for any other kind.
    """
    if document["kind"] != "Namespace":
        raise ValueError(f"only a Namespace is patched, not a {document['kind']}")
    return kubernetes.core.v1.NamespacePatch(logical_name(document), metadata=document["metadata"], opts=opts)


def logical_name(document: Document) -> str:
    metadata: Mapping[str, Any] = document["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])


def _snake_case(key: str) -> str:
    return re.sub(r"([A-Z])", lambda match: f"_{match.group(1).lower()}", key)


def release(
    name: str, chart: Chart, *, namespace: str, values: Mapping[str, Any], opts: pulumi.ResourceOptions
) -> kubernetes.helm.v3.Release:
    """Installs a chart as the Helm release `name` and waits until what it made is ready.

    A Release, not helm.v4.Chart: that one renders every update as an install and so fights istiod over its webhook.
    """
    return kubernetes.helm.v3.Release(
        name,
        kubernetes.helm.v3.ReleaseArgs(
            name=name,
            chart=chart.name,
            version=chart.version,
            repository_opts=kubernetes.helm.v3.RepositoryOptsArgs(repo=chart.repository),
            namespace=namespace,
            values=dict(values),
            # A failed install leaves nothing behind that would stand in the way of the next attempt.
            atomic=True,
            cleanup_on_fail=True,
            skip_await=False,
            timeout=600,
            max_history=5,
        ),
        opts=opts,
    )

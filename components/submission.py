"""Hands documents to the engine: the one place where a manifest becomes a Pulumi resource."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pulumi

from manifests.document import Document
from versions import Chart

_RBAC = ("rbac.authorization.k8s.io/v1alpha1", "rbac.authorization.k8s.io/v1beta1")
_ADMISSION = ("admissionregistration.k8s.io/v1alpha1", "admissionregistration.k8s.io/v1beta1")

# Kinds that Pulumi knows and waits for (a Deployment until it is rolled out, a Service until it has endpoints), each
# with the API versions that served it before: what a stack made under one of those is still the same object.
# Everything else must be a custom resource; a built-in kind that is missing here is refused rather than submitted
# as an object whose readiness nobody awaits.
BUILT_IN: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("v1", "Namespace"): (),
    ("v1", "ServiceAccount"): (),
    ("v1", "Service"): (),
    ("v1", "ConfigMap"): (),
    ("v1", "Secret"): (),
    ("apps/v1", "Deployment"): ("apps/v1beta1", "apps/v1beta2", "extensions/v1beta1"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"): ("autoscaling/v1", "autoscaling/v2beta1", "autoscaling/v2beta2"),
    ("policy/v1", "PodDisruptionBudget"): ("policy/v1beta1",),
    ("networking.k8s.io/v1", "NetworkPolicy"): ("extensions/v1beta1",),
    ("networking.k8s.io/v1", "Ingress"): ("extensions/v1beta1", "networking.k8s.io/v1beta1"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): ("apiextensions.k8s.io/v1beta1",),
    **{("rbac.authorization.k8s.io/v1", kind): _RBAC for kind in ("ClusterRole", "ClusterRoleBinding", "RoleBinding")},
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"): _ADMISSION,
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"): _ADMISSION,
}

_SECRET_FIELDS = ["data", "stringData"]

# Groups of Kubernetes itself: without a dot, or below k8s.io. (Gateway API and the like live below x-k8s.io or
# gateway.networking.k8s.io and are custom resources, but this program uses none of them.)
_KUBERNETES_GROUP = re.compile(r"(v1|[a-z]+/v\w+|[a-z.]+\.k8s\.io/v\w+)")

# Of the provider's plugin.
_VERSION = importlib.metadata.version("pulumi_kubernetes")


class KubernetesResource(pulumi.CustomResource):
    """A resource of the Kubernetes provider, sent as the SDK's class of its kind would send it.

    A test holds the two together. The SDK's classes say the same in Python's words, and importing them takes as long
    as all the rest of a plan.
    """

    status: pulumi.Output[Any]
    """As the API server writes it. Only where `submit` was asked for it."""

    def __init__(self, kind: str, name: str, properties: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        """kind: `<apiVersion>:<kind>` as Pulumi spells it, e.g. `core/v1:Namespace`."""
        opts = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(version=_VERSION), opts)
        super().__init__(f"kubernetes:{kind}", name, {**properties}, opts)


def submit(document: Document, *, opts: pulumi.ResourceOptions, with_status: bool = False) -> KubernetesResource:
    """Registers one Kubernetes object and returns it.

    Its logical name is `<namespace>/<name>`, or `<name>` where it is cluster-scoped: keyed by what it is. Values may
    be Outputs, as leaves. Raises ValueError for a built-in kind that the program does not know how to await.
    """
    api_version, kind = document["apiVersion"], document["kind"]
    earlier = BUILT_IN.get((api_version, kind))
    if earlier is None and _KUBERNETES_GROUP.fullmatch(api_version):
        raise ValueError(f"{api_version} {kind} is a kind of Kubernetes itself, and components/submission.py lacks it")
    aliases: list[pulumi.Input[pulumi.Alias]] = [
        pulumi.Alias(type_=f"kubernetes:{version}:{kind}") for version in earlier or ()
    ]
    opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=aliases))
    # A property without a value is one that the engine answers.
    properties = {**document, "status": None} if with_status else {**document}
    if kind == "Secret":
        # Here, so that no component can forget it: else the state and every log of the engine would have it.
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(additional_secret_outputs=_SECRET_FIELDS))
        properties |= {field: pulumi.Output.secret(properties[field]) for field in _SECRET_FIELDS if field in document}
    return KubernetesResource(_pulumi_kind(api_version, kind), logical_name(document), properties, opts)


def submit_all(documents: Iterable[Document], *, opts: pulumi.ResourceOptions) -> tuple[KubernetesResource, ...]:
    """Registers several objects that need nothing of each other, in their order."""
    return tuple(submit(document, opts=opts) for document in documents)


def patch_namespace(document: Document, *, opts: pulumi.ResourceOptions) -> KubernetesResource:
    """Sets labels and annotations on a Namespace that somebody else made; a destroy takes back these only.

    Server-side apply: fields of other owners stay theirs. Raises ValueError for any other kind.
    """
    if document["kind"] != "Namespace":
        raise ValueError(f"only a Namespace is patched, not a {document['kind']}")
    return KubernetesResource("core/v1:NamespacePatch", logical_name(document), document, opts)


def logical_name(document: Document) -> str:
    metadata: Mapping[str, Any] = document["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])


def _pulumi_kind(api_version: str, kind: str) -> str:
    """Pulumi calls Kubernetes' first group, which has no name, `core`."""
    return f"{api_version if '/' in api_version else f'core/{api_version}'}:{kind}"


def release(
    name: str,
    chart: Chart,
    *,
    namespace: str,
    values: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
    skip_crds: bool = False,
) -> KubernetesResource:
    """Installs a chart as the Helm release `name` and waits until what it made is ready.

    skip_crds: of its directory crds/, where another chart brings and upgrades them.

    A Release, not helm.v4.Chart: that one renders every update as an install and so fights istiod over its webhook.
    """
    return KubernetesResource(
        "helm.sh/v3:Release",
        name,
        {
            "name": name,
            **_location(chart),
            "version": chart.version,
            "namespace": namespace,
            "values": dict(values),
            # A failed install leaves nothing behind that would stand in the way of the next attempt.
            "atomic": True,
            "cleanupOnFail": True,
            "skipAwait": False,
            "timeout": 600,
            "maxHistory": 5,
            # The SDK's class sends it with each Release.
            "compat": "true",
            **({"skipCrds": True} if skip_crds else {}),
        },
        opts,
    )


def _location(chart: Chart) -> dict[str, Any]:
    """A registry's chart is named in full and has no repository: https://www.pulumi.com/registry/packages/kubernetes/
    api-docs/helm/v3/release/ ("Install a Chart from an OCI registry")."""
    if chart.repository.startswith("oci://"):
        return {"chart": f"{chart.repository}/{chart.name}"}
    return {"chart": chart.name, "repositoryOpts": {"repo": chart.repository}}

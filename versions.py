"""Every version this program pins, each once.

Charts, images, add-ons and Kubernetes versions are read from here by everything else; nothing else in the
program spells a version. Sources: `docs/upgrades/versions.md`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One Helm chart as it is published: `repository` is a URL (`https://…`, or `oci://…` and the path above the
    chart), `version` the chart's own."""

    repository: str
    name: str
    version: str


# --- Istio -------------------------------------------------------------------------------------------------
# One version for base, cni, istiod and gateway: charts and istiod are not compatible across minors (trap 2).
ISTIO = "1.31.1"

# From 1.31 on nothing is published to the older Google-hosted location, which is switched off in December 2026.
ISTIO_CHART_REPOSITORY = "https://blob.istio.io/istio-release/charts"
ISTIO_IMAGE_HUB = "docker.io/istio"

# Istio minor -> Kubernetes minors it supports (istio.io, supported releases).
ISTIO_KUBERNETES: dict[str, tuple[str, ...]] = {
    "1.31": ("1.32", "1.33", "1.34", "1.35", "1.36"),
}

# --- Kubernetes --------------------------------------------------------------------------------------------
# 1.35 is the newest version inside the tested range of every controller here (cert-manager's range for 1.36
# is unverified); EKS standard support for it ends on 2027-03-27.
KUBERNETES = "1.35"

# --- Charts ------------------------------------------------------------------------------------------------
CERT_MANAGER = "v1.21.2"
AWS_LOAD_BALANCER_CONTROLLER = "3.6.0"
# The newest patch of the newest minor whose documents and chart were read. It runs on Kubernetes 1.36 since 1.13 and
# on 1.35 since 1.9: https://karpenter.sh/v1.14/upgrading/compatibility/
KARPENTER = "1.14.3"
KARPENTER_MINORS: tuple[str, ...] = ("1.32", "1.33", "1.34", "1.35", "1.36")

# The Go module whose CRDs stand in schemas/crds, since Helm does not upgrade what lies in a chart's crds/. It is the
# controller's v3.2.2, of which crds.yaml is letter by letter that of v3.5.0; that of 3.6.0 was not held against it.
LOAD_BALANCER_CONTROLLER_MODULE = (
    "github.com/kubernetes-sigs/aws-load-balancer-controller@v0.0.0-20260423195125-93ff3b5fdaad"
)


def istio_chart(name: str, version: str) -> Chart:
    """The Istio chart `name` (base, cni, istiod or gateway) of one Istio version."""
    return Chart(repository=ISTIO_CHART_REPOSITORY, name=name, version=version)


CERT_MANAGER_CHART = Chart(repository="https://charts.jetstack.io", name="cert-manager", version=CERT_MANAGER)
LOAD_BALANCER_CONTROLLER_CHART = Chart(
    repository="https://aws.github.io/eks-charts",
    name="aws-load-balancer-controller",
    version=AWS_LOAD_BALANCER_CONTROLLER,
)

# Helm does not upgrade what lies in a chart's crds/; this one has the same definitions as templates, and so does.
KARPENTER_CRD_CHART = Chart(repository="oci://public.ecr.aws/karpenter", name="karpenter-crd", version=KARPENTER)
KARPENTER_CHART = Chart(repository="oci://public.ecr.aws/karpenter", name="karpenter", version=KARPENTER)

# --- Images that no chart names for us ---------------------------------------------------------------------
OTEL_COLLECTOR_IMAGE = "docker.io/otel/opentelemetry-collector-contrib:0.144.0"
# What `meshops verify` runs in its probe pods.
CURL_IMAGE = "docker.io/curlimages/curl:8.16.0"
# What `meshops attack` runs in its pods: Python for bytes that no client would send, and openssl.
PYTHON_IMAGE = "docker.io/library/python:3.13-slim"


# --- EKS: what belongs to one Kubernetes --------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class EksVersions:
    """Builds of the add-ons for one Kubernetes minor, and the release of its nodes' AMI (AL2023, both architectures).

    Given, because EKS raises none of them with the control plane: left out, each stays what it was at its creation.
    """

    kube_proxy: str
    coredns: str
    vpc_cni: str
    pod_identity_agent: str
    nodes: str


# Kubernetes minor -> its builds; for every minor that ISTIO_KUBERNETES names.
# Add-ons: AWS's own tables, as of August 2026: https://docs.aws.amazon.com/eks/latest/userguide/managing-kube-proxy.html,
# managing-coredns.html and managing-vpc-cni.html there. The Pod Identity agent has none: this build is what public
# stacks of 2026 pin on 1.32, 1.35 and 1.36. `aws eks describe-addon-versions` has the last word.
# Nodes: https://github.com/awslabs/amazon-eks-ami/blob/main/CHANGELOG.md, release v20260714.
_VPC_CNI, _POD_IDENTITY_AGENT = "v1.22.4-eksbuild.3", "v1.3.10-eksbuild.3"
EKS: dict[str, EksVersions] = {
    minor: EksVersions(
        kube_proxy=kube_proxy,
        coredns=coredns,
        vpc_cni=_VPC_CNI,
        pod_identity_agent=_POD_IDENTITY_AGENT,
        nodes=nodes,
    )
    for minor, kube_proxy, coredns, nodes in (
        ("1.32", "v1.32.13-eksbuild.16", "v1.11.4-eksbuild.40", "1.32.13-20260714"),
        ("1.33", "v1.33.10-eksbuild.13", "v1.12.4-eksbuild.18", "1.33.13-20260714"),
        ("1.34", "v1.34.6-eksbuild.13", "v1.13.2-eksbuild.11", "1.34.9-20260714"),
        ("1.35", "v1.35.3-eksbuild.13", "v1.14.3-eksbuild.3", "1.35.6-20260714"),
        ("1.36", "v1.36.0-eksbuild.14", "v1.14.3-eksbuild.3", "1.36.2-20260714"),
    )
}

# --- EKS add-ons -------------------------------------------------------------------------------------------
CLOUDWATCH_ADDON = "amazon-cloudwatch-observability"
# Its values are checked against schemas/addons/, which is of this build: 5.x turned Application Signals on by default,
# and only 6.x takes the key that turns it off. For Kubernetes 1.32 to 1.36.
CLOUDWATCH_ADDON_VERSION = "v6.4.0-eksbuild.1"
# The metrics API: EKS has none by itself, and without it no HorizontalPodAutoscaler scales. A community add-on.
METRICS_SERVER_ADDON = "metrics-server"
METRICS_SERVER_ADDON_VERSION = "v0.8.1-eksbuild.10"
POD_IDENTITY_ADDON = "eks-pod-identity-agent"
# The Secrets Store CSI driver with AWS's provider, both; EKS's default for Kubernetes 1.35 in June 2026:
# https://github.com/aws-controllers-k8s/test-infra/pull/983. Without values: some it takes and passes on to nobody.
SECRETS_STORE_ADDON = "aws-secrets-store-csi-driver-provider"
SECRETS_STORE_ADDON_VERSION = "v3.1.1-eksbuild.1"
# Inside it (Chart.lock of the provider's 3.1.1): whose SecretProviderClass the plan is judged by.
SECRETS_STORE_DRIVER = "1.6.0"

# --- Tools -------------------------------------------------------------------------------------------------
PULUMI_CLI_MINIMUM = "3.200.0"

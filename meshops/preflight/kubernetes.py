"""Check MP602: whether the Kubernetes version of the settings is a step that EKS takes from the one that runs."""

from __future__ import annotations

from datetime import date, datetime

from configuration.settings import Settings
from meshops.checks.model import Check, Unavailable, Verdict
from meshops.preflight.aws import Kubernetes
from versions import EKS, ISTIO_KUBERNETES

VERSION = Check(
    id="MP602",
    section="Upgrade",
    name="Kubernetes version",
    shows="The settings' Kubernetes version is the cluster's own or the next one: EKS upgrades one minor at a time.",
    how="The version of the cluster, if there is one already, against cluster.kubernetesVersion.",
    severity="critical",
    remedy="Take one minor at a time, each with an `up` of its own.",
)


def check_version(settings: Settings, running: Kubernetes | Unavailable | None, *, now: datetime) -> Verdict:
    """https://docs.aws.amazon.com/eks/latest/userguide/update-cluster.html"""
    if isinstance(running, Unavailable):
        return running.verdict()
    cluster = settings.cluster
    if cluster.existing:
        return _of_somebody_else(settings, running)
    wanted = cluster.kubernetes_version
    nodes = _nodes(settings, now.date())
    if running is None:
        return Verdict(
            status="pass", finding=f"There is no cluster {cluster.name} yet: it comes with {wanted}.", evidence=nodes
        )
    step = _minor(wanted) - _minor(running.version)
    if step == 0:
        return Verdict(status="pass", finding=f"Kubernetes {wanted}, as the settings say.", evidence=nodes)
    if step == 1:
        builds = EKS[wanted]
        return Verdict(
            status="pass",
            finding=f"The next `up` goes from {running.version} to {wanted}, and not back.",
            evidence=(
                f"First the control plane, then kube-proxy {builds.kube_proxy}, the CNI {builds.vpc_cni}, the nodes "
                f"zone by zone, CoreDNS {builds.coredns}.",
                f"Is anything still in use that {wanted} has no longer? aws eks list-insights --cluster-name "
                f"{cluster.name} --filter categories=UPGRADE_READINESS",
                *nodes,
            ),
        )
    if step < 0:
        return Verdict(
            status="fail",
            finding=f"The cluster runs Kubernetes {running.version}: no `up` goes back to {wanted}.",
            remedy=f"Set cluster.kubernetesVersion to {running.version}. Within seven days of an upgrade EKS rolls one "
            "back, nodes first: https://docs.aws.amazon.com/eks/latest/userguide/rollback-cluster.html",
        )
    following = f"1.{_minor(running.version) + 1}"
    return Verdict(
        status="fail",
        finding=f"From {running.version} to {wanted} EKS does not go in one step.",
        remedy=f"Set cluster.kubernetesVersion to {following}, run `up`, and go on from there.",
    )


def _of_somebody_else(settings: Settings, running: Kubernetes | None) -> Verdict:
    name = settings.cluster.name
    istio = settings.mesh.istio_version
    if running is None:
        return Verdict(
            status="fail",
            finding=f"There is no cluster {name} in {settings.region}, and the settings say that there is.",
            remedy="See cluster.name and aws:region, or let the stack make it: remove cluster.existing.",
        )
    supported = ISTIO_KUBERNETES[".".join(istio.split(".")[:2])]
    if running.version not in supported:
        return Verdict(
            status="fail",
            finding=f"The cluster runs Kubernetes {running.version}; Istio {istio} supports {supported[0]} to "
            f"{supported[-1]}.",
            remedy="Have its owner upgrade it first.",
        )
    return Verdict(
        status="pass", finding=f"The cluster runs Kubernetes {running.version}, which Istio {istio} supports."
    )


def _minor(version: str) -> int:
    return int(version.split(".")[1])


def _nodes(settings: Settings, today: date) -> tuple[str, ...]:
    """How old the nodes' AMI is: nothing but a newer one in a file changes it."""
    release = settings.cluster.node_group.ami_release or EKS[settings.cluster.kubernetes_version].nodes
    day = datetime.strptime(release.rpartition("-")[2], "%Y%m%d").date()
    parameter = (
        f"/aws/service/eks/optimized-ami/{settings.cluster.kubernetes_version}/amazon-linux-2023/"
        f"{settings.cluster.node_group.architecture}/standard/recommended/release_version"
    )
    return (
        f"The nodes' AMI is {release}, {(today - day).days} days old. The newest: aws ssm get-parameter --name "
        f"{parameter} --query Parameter.Value",
    )

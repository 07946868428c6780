"""MP401 to MP405: what an existing cluster has, beside what the settings say that it has."""

from __future__ import annotations

import dataclasses
import json
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from configuration.settings import Settings
from meshops.checks.model import Check, Unavailable, Verdict
from meshops.preflight import adopted
from meshops.preflight.contents import AddOn, Contents, parse_contents, read_contents
from meshops.tools import Tools
from tests.unit.meshops.preflight.preflight_stack import settings_of

EVERYTHING = ("loadBalancerController", "certManager", "metricsServer", "networkPolicy", "podIdentityAgent")
IMAGES = {
    "aws-load-balancer-controller": "public.ecr.aws/eks/aws-load-balancer-controller:v2.13.4",
    "cert-manager": "quay.io/jetstack/cert-manager-controller:v1.18.2",
}


def workload(kind: str, namespace: str, name: str, image: str, *arguments: str, available: int = 1) -> dict[str, Any]:
    counted = {"Deployment": "availableReplicas", "DaemonSet": "numberAvailable"}[kind]
    containers = [{"name": name, "image": image, "args": list(arguments)}]
    return {
        "kind": kind,
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"template": {"spec": {"containers": containers}}},
        "status": {counted: available},
    }


def crd(name: str, *versions: str) -> dict[str, Any]:
    served = [{"name": version, "served": True} for version in versions]
    return {"kind": "CustomResourceDefinition", "metadata": {"name": name}, "spec": {"versions": served}}


def controller(*arguments: str, version: str = "v2.13.4", available: int = 1) -> dict[str, Any]:
    name = "aws-load-balancer-controller"
    image = f"public.ecr.aws/eks/{name}:{version}"
    return workload("Deployment", "kube-system", name, image, *arguments, available=available)


def cert_manager(namespace: str = "cert-manager", available: int = 1) -> dict[str, Any]:
    return workload("Deployment", namespace, "cert-manager", IMAGES["cert-manager"], available=available)


def agent(available: int = 3) -> dict[str, Any]:
    return workload("DaemonSet", "kube-system", "eks-pod-identity-agent", "ecr/agent:v1", available=available)


def metrics_api(available: str = "True") -> dict[str, Any]:
    status = {"conditions": [{"type": "Available", "status": available}]}
    return {"kind": "APIService", "metadata": {"name": "v1beta1.metrics.k8s.io"}, "status": status}


CLASS = {"kind": "IngressClass", "metadata": {"name": "alb"}, "spec": {"controller": "ingress.k8s.aws/alb"}}
CONTROLLER_CRDS = [crd(f"{name}.elbv2.k8s.aws", "v1beta1") for name in ("ingressclassparams", "targetgroupbindings")]
ISSUING_CRDS = [crd(f"{name}.cert-manager.io", "v1") for name in ("certificates", "clusterissuers")]
VPC_CNI = AddOn(name="vpc-cni", version="v1.20.1", status="ACTIVE", configuration={"enableNetworkPolicy": "true"})
WHOLE = parse_contents(
    (VPC_CNI,),
    {"items": [controller(), cert_manager(), agent()]},
    {"items": [CLASS, metrics_api(), *CONTROLLER_CRDS, *ISSUING_CRDS]},
)
EMPTY = Contents()


def settings(*there: str, **load_balancer: Any) -> Settings:
    vpc = {
        "vpcId": "vpc-0123456789abcdef0",
        "privateSubnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    }
    cluster = {"name": "shared", "existing": dict.fromkeys(there, True)}
    return settings_of(cluster=cluster, network={"existing": vpc}, **load_balancer)


def verdicts(settings: Settings, contents: Contents | Unavailable | None) -> dict[str, Verdict]:
    return {check.id: adopted.check(judge, settings, contents) for check, judge in adopted.JUDGES}


def statuses(settings: Settings, contents: Contents | Unavailable | None) -> set[str]:
    return {verdict.status for verdict in verdicts(settings, contents).values()}


def judged(check: Check, settings: Settings, *items: dict[str, Any], addons: tuple[AddOn, ...] = ()) -> Verdict:
    return verdicts(settings, parse_contents(addons, {"items": [*items]}))[check.id]


def test_a_cluster_that_is_as_it_is_said_to_be_passes() -> None:
    assert statuses(settings(*EVERYTHING), WHOLE) == {"pass"}
    assert statuses(settings(), EMPTY) == {"pass"}


def test_a_cluster_of_the_stacks_own_is_not_asked() -> None:
    assert statuses(settings_of(), None) == {"pass"}
    nobody = SimpleNamespace()
    assert read_contents(settings_of(), nobody, Tools(kubectl="none")) is None


def test_what_cannot_be_read_would_count_as_passed() -> None:
    gone = Unavailable(reason="No kubeconfig.", remedy="Log in.")
    assert statuses(settings(*EVERYTHING), gone) == {"unknown"}
    assert statuses(settings(), None) == {"unknown"}


@pytest.mark.parametrize(("check", "setting"), [*zip([check for check, _ in adopted.JUDGES], EVERYTHING, strict=True)])
def test_what_is_there_and_not_said_would_collide_and_what_is_said_and_not_there_would_be_missed(
    check: Check, setting: str
) -> None:
    unsaid = verdicts(settings(), WHOLE)[check.id]
    assert unsaid.status == "fail"
    assert f"cluster.existing.{setting}: true" in unsaid.remedy
    missing = verdicts(settings(*EVERYTHING), EMPTY)[check.id]
    assert missing.status == "fail"
    assert setting in missing.remedy


def test_the_second_preflight_would_take_what_the_first_up_installed_for_somebody_elses() -> None:
    tags = {"managed-by": "pulumi", "environment": "test"}
    names = ("metrics-server", "eks-pod-identity-agent")
    addons = tuple(AddOn(name=name, version="v1", status="ACTIVE", tags=tags) for name in names)
    items = [released(controller(), "kube-system", "aws-load-balancer-controller"), CLASS, *CONTROLLER_CRDS]
    items += [released(cert_manager(), "cert-manager", "cert-manager"), *ISSUING_CRDS, agent(), metrics_api()]
    gateway = workload("Deployment", "istio-ingress", "istio-ingressgateway", "auto")

    after = verdicts(settings(), parse_contents(addons, {"items": [*items, gateway]}))
    assert {verdict.status for verdict in after.values()} == {"pass"}
    assert after["MP402"].finding.endswith("installed by this stack.")
    before = verdicts(settings(), parse_contents(addons, {"items": items}))
    assert (before["MP401"].status, before["MP402"].status) == ("fail", "fail"), "a release of the same name"
    others = tuple(dataclasses.replace(addon, tags={**tags, "environment": "other"}) for addon in addons)
    found = verdicts(settings(), parse_contents(others, {"items": [*items, gateway]}))
    assert (found["MP403"].status, found["MP405"].status) == ("fail", "fail"), "another stack's add-ons"


def released(item: dict[str, Any], namespace: str, name: str) -> dict[str, Any]:
    notes = {"meta.helm.sh/release-namespace": namespace, "meta.helm.sh/release-name": name}
    return {**item, "metadata": {**item["metadata"], "annotations": notes}}


DEAF = {
    "an old controller": ([controller(version="v2.5.4")], "older than v2.6", "Upgrade it to v2.6"),
    "another cluster's": ([controller("--cluster-name=other")], "works for cluster other", "--cluster-name"),
    "one of other namespaces": ([controller("--watch-namespace=shop")], "namespace shop only", "every namespace"),
    "one without a WAF": ([controller("--enable-wafv2=false")], "no web ACL", "enableWafv2"),
    "one that does not run": ([controller(available=0)], "No pod of it is available", "Bring it up first"),
}


@pytest.mark.parametrize("name", DEAF)
def test_the_controller_would_not_do_what_the_stack_asks(name: str) -> None:
    items, finding, remedy = DEAF[name]
    said = settings("loadBalancerController", waf={})
    assert judged(adopted.CONTROLLER, said, controller(), CLASS, *CONTROLLER_CRDS).status == "pass"
    verdict = judged(adopted.CONTROLLER, said, *items, CLASS, *CONTROLLER_CRDS)
    assert verdict.status == "fail"
    assert finding in verdict.finding
    assert remedy in verdict.remedy


def test_the_ingress_would_be_nobodys() -> None:
    verdict = judged(adopted.CONTROLLER, settings("loadBalancerController"), controller(), *CONTROLLER_CRDS)
    assert (verdict.status, verdict.finding) == ("fail", "No ingress class alb is its own.")
    old = [crd("ingressclassparams.elbv2.k8s.aws", "v1alpha1"), CONTROLLER_CRDS[1]]
    verdict = judged(adopted.CONTROLLER, settings("loadBalancerController"), controller(), CLASS, *old)
    assert verdict.finding == "ingressclassparams.elbv2.k8s.aws does not serve v1beta1."


def test_crds_that_somebody_left_behind_are_there_too() -> None:
    assert judged(adopted.CONTROLLER, settings(), *CONTROLLER_CRDS).status == "fail"
    assert judged(adopted.CERT_MANAGER, settings(), *ISSUING_CRDS).status == "fail"


def test_no_certificate_would_be_issued() -> None:
    said = settings("certManager")
    for items, finding in (
        ([cert_manager(available=0), *ISSUING_CRDS], "No pod of it is available."),
        ([cert_manager(), crd("certificates.cert-manager.io", "v1alpha2"), ISSUING_CRDS[1]], "does not serve v1."),
        ([cert_manager("kube-system"), *ISSUING_CRDS], "is in another namespace."),
    ):
        verdict = judged(adopted.CERT_MANAGER, said, *items)
        assert verdict.status == "fail"
        assert finding in verdict.finding


def test_nothing_would_scale() -> None:
    assert judged(adopted.METRICS, settings("metricsServer"), metrics_api("False")).status == "fail"
    server = AddOn(name="metrics-server", version="v0.8.1", status="ACTIVE")
    assert judged(adopted.METRICS, settings(), addons=(server,)).status == "fail", "CreateAddon would be refused"


def test_policies_would_hold_nobody_back() -> None:
    off = dataclasses.replace(VPC_CNI, configuration={})
    verdict = judged(adopted.NETWORK_POLICY, settings("networkPolicy"), addons=(off,))
    assert verdict.status == "fail"
    assert verdict.finding.endswith("The VPC CNI's engine is there, switched off.")
    assert "enableNetworkPolicy" in verdict.remedy


@pytest.mark.parametrize(
    "engine",
    [
        workload(
            "DaemonSet", "kube-system", "aws-node", "a/aws-network-policy-agent:v1", "--enable-network-policy=true"
        ),
        workload("DaemonSet", "calico-system", "calico-node", "calico/node:v3"),
        workload("DaemonSet", "kube-system", "cilium", "cilium/cilium:v1"),
    ],
    ids=lambda item: item["metadata"]["name"],
)
def test_an_engine_that_no_addon_brought_counts(engine: dict[str, Any]) -> None:
    assert judged(adopted.NETWORK_POLICY, settings("networkPolicy"), engine).status == "pass"
    assert judged(adopted.NETWORK_POLICY, settings(), engine).status == "fail"


def test_pods_would_start_without_an_identity() -> None:
    assert judged(adopted.AGENT, settings("podIdentityAgent"), agent(available=0)).status == "fail"


def kubectl(directory: Path, server: str, answers: dict[str, Any]) -> Tools:
    """A kubectl that knows its server and these lists, by the first kind that is asked for."""
    for kind, answer in answers.items():
        (directory / f"{kind}.json").write_text(json.dumps(answer))
    program = directory / "kubectl"
    program.write_text(
        f'#!/bin/sh\ncase "$1" in config) printf %s "{server}";; *) cat "{directory}/${{2%%.*}}.json";; esac\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return Tools(kubectl=str(program))


class Eks:
    """EKS's part: one cluster and its add-ons."""

    def describe_cluster(self, *, name: str) -> dict[str, Any]:
        return {"cluster": {"endpoint": "https://ABC.eks.example"}}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_addons"
        return SimpleNamespace(paginate=lambda clusterName: [{"addons": ["vpc-cni"]}, {"addons": []}])  # noqa: N803

    def describe_addon(self, *, clusterName: str, addonName: str) -> dict[str, Any]:  # noqa: N803
        text = '{"enableNetworkPolicy": "true"}'
        return {
            "addon": {"addonName": addonName, "addonVersion": "v1", "status": "ACTIVE", "configurationValues": text}
        }


LISTS = {"deployments": {"items": [controller(), agent()]}, "customresourcedefinitions": {"items": [CLASS]}}


def test_a_cluster_is_read_by_eks_and_by_kubectl(tmp_path: Path) -> None:
    found = read_contents(settings(*EVERYTHING), Eks(), kubectl(tmp_path, "https://abc.eks.example", LISTS))
    assert isinstance(found, Contents)
    assert [str(item) for item in found.workloads] == [
        "Deployment kube-system/aws-load-balancer-controller",
        "DaemonSet kube-system/eks-pod-identity-agent",
    ]
    assert [(addon.name, dict(addon.configuration)) for addon in found.addons] == [
        ("vpc-cni", {"enableNetworkPolicy": "true"})
    ]
    assert found.ingress_classes == {"alb": "ingress.k8s.aws/alb"}


def test_another_cluster_would_be_judged_in_its_place(tmp_path: Path) -> None:
    found = read_contents(settings(*EVERYTHING), Eks(), kubectl(tmp_path, "https://other.eks.example", LISTS))
    assert isinstance(found, Unavailable)
    assert "leads to https://other.eks.example" in found.reason
    assert "aws eks update-kubeconfig --name shared --region eu-west-1" in found.remedy


def test_without_kubectl_or_rights_nothing_is_known(tmp_path: Path) -> None:
    assert isinstance(read_contents(settings(), Eks(), Tools(kubectl="no-such-kubectl")), Unavailable)
    assert isinstance(
        read_contents(settings(), Eks(), kubectl(tmp_path, "https://abc.eks.example", {})), Unavailable
    ), "kubectl refuses"
    mute = kubectl(tmp_path, "https://abc.eks.example", {"deployments": [], "customresourcedefinitions": []})
    assert isinstance(read_contents(settings(), Eks(), mute), Unavailable), "no List"

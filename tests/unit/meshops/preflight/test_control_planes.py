"""Before a control plane goes: whose sidecars still call it, and which of them this `up` restarts itself."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from configuration.mesh import Mesh
from configuration.settings import Settings
from meshops.checks.model import Unavailable
from meshops.preflight import run
from meshops.preflight.aws import Endpoint, Facts
from meshops.preflight.control_planes import check, read, sidecars
from meshops.tools import Tools
from tests.unit.meshops.preflight.preflight_stack import kubectl, settings_of

ENDPOINT = Endpoint(public=True, public_cidrs=("198.51.100.0/24",), url="https://ABC.gr7.eu-west-1.eks.amazonaws.com")
GATEWAY = {"istio": "ingressgateway"}


def settings(**mesh: Any) -> Settings:
    """One managed application, app-0, and one of another pipeline, app-1."""
    found = settings_of(hosts=("a.test.example.com", "b.test.example.com"))
    (shop,) = found.namespaces
    managed, other = shop.applications
    applications = (managed, dataclasses.replace(other, workload="external"))
    return dataclasses.replace(
        found, mesh=Mesh(**mesh), namespaces=(dataclasses.replace(shop, applications=applications),)
    )


def pod(name: str, revision: str = "1-31-1", namespace: str = "shop", **labels: str) -> dict[str, Any]:
    return {
        "metadata": {
            "namespace": namespace,
            "name": name,
            "labels": labels,
            "annotations": {"istio.io/rev": revision},
        },
        "spec": {"initContainers": [{"name": "istio-proxy"}], "containers": [{"name": "app"}]},
        "status": {"phase": "Running"},
    }


PODS = [
    pod("app-0-1", app="app-0"),
    pod("app-1-1", app="app-1"),
    pod("gateway-1", namespace="istio-ingress", **GATEWAY),
]


def test_while_both_control_planes_are_kept_nobody_is_cut_off() -> None:
    verdict = check(settings(istio_version="1.31.2", second_istio_version="1.31.1"), ENDPOINT, sidecars(PODS))
    assert (verdict.status, verdict.finding) == (
        "pass",
        "3 sidecars, all of 1-31-1 and 1-31-2, which the settings keep.",
    )


def test_pods_of_another_pipeline_would_be_cut_off_when_the_old_one_goes() -> None:
    verdict = check(settings(istio_version="1.31.2"), ENDPOINT, sidecars(PODS))
    assert verdict.status == "fail"
    assert verdict.finding.startswith("1 sidecars of shop/app-1 call a control plane")
    assert verdict.evidence == ("shop/app-1-1: 1-31-1",)
    assert verdict.table is not None
    assert verdict.table.rows == (
        ("istio-ingress/gateway-1", "1-31-1", "1", "this `up`"),
        ("shop/app-0", "1-31-1", "1", "this `up`"),
        ("shop/app-1", "1-31-1", "1", "-"),
    )


def test_what_the_program_deploys_it_restarts_before() -> None:
    ours = [item for item in PODS if item["metadata"]["name"] != "app-1-1"]
    verdict = check(settings(istio_version="1.31.2"), ENDPOINT, sidecars(ours))
    assert (verdict.status, verdict.finding[:14]) == ("pass", "2 of 2 sidecar")


@pytest.mark.parametrize("stranger", [pod("x", namespace="elsewhere", app="app-0"), pod("x", app="other")])
def test_a_pod_that_only_looks_like_ours_is_not_restarted(stranger: dict[str, Any]) -> None:
    assert check(settings(istio_version="1.31.2"), ENDPOINT, sidecars([stranger])).status == "fail"


def test_pods_without_a_sidecar_and_those_that_ended_call_nobody() -> None:
    bare, ended = pod("bare"), pod("job")
    bare["spec"] = {"containers": [{"name": "app"}]}
    ended["status"] = {"phase": "Succeeded"}
    assert sidecars([bare, ended]) == ()


def test_where_there_is_no_cluster_there_is_nobody_to_cut_off() -> None:
    verdict = check(settings(), None, ())
    assert (verdict.status, verdict.finding) == ("pass", "There is no cluster mesh-test yet, and so no sidecar.")


def test_the_pods_are_those_of_the_stacks_cluster(tmp_path: Path) -> None:
    found = read(kubectl(tmp_path, ENDPOINT.url.lower(), *PODS), endpoint_url=ENDPOINT.url)
    assert isinstance(found, tuple)
    assert [(one.pod, one.revision) for one in found] == [
        ("app-0-1", "1-31-1"),
        ("app-1-1", "1-31-1"),
        ("gateway-1", "1-31-1"),
    ]


def test_another_clusters_pods_would_pass_for_the_stacks(tmp_path: Path) -> None:
    found = read(kubectl(tmp_path, "https://10.0.0.1:6443"), endpoint_url=ENDPOINT.url)
    assert isinstance(found, Unavailable)
    assert found.reason == f"The kubeconfig's cluster is https://10.0.0.1:6443, the stack's is {ENDPOINT.url}."


@pytest.mark.parametrize("answer", ["", "{}", "[]"])
def test_an_answer_that_nobody_can_read_is_no_pass(answer: str, tmp_path: Path) -> None:
    tools = kubectl(tmp_path, ENDPOINT.url)
    (tmp_path / "pods").write_text(answer)
    verdict = check(settings(), ENDPOINT, read(tools, endpoint_url=ENDPOINT.url))
    assert verdict.status == "unknown"


def test_without_kubectl_the_check_is_unknown(tmp_path: Path) -> None:
    assert isinstance(read(Tools(kubectl=str(tmp_path / "none"))), Unavailable)


def test_whose_cluster_it_is_nobody_can_say_without_aws() -> None:
    unknown = Unavailable(reason="There are no AWS credentials.", remedy="Log in.")
    assert check(settings(), unknown, sidecars(PODS)).status == "unknown"


@pytest.mark.parametrize(("endpoint_url", "status"), [(None, "unknown"), ("http://127.0.0.1:5000", "pass")])
def test_a_stand_in_for_aws_knows_no_endpoint_to_compare_with(
    endpoint_url: str | None, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = kubectl(tmp_path, "https://10.0.0.1:6443", *PODS)
    missing = Unavailable(reason="-", remedy="-")
    facts = Facts(vpc=missing, certificates=missing, endpoint=ENDPOINT)
    monkeypatch.setattr(run, "look", lambda *_, **__: facts)
    options = run.PreflightOptions(endpoint_url=endpoint_url, only=("MP601",), tools=tools)
    assert [result.status for result in run.preflight(settings(), options).results] == [status]

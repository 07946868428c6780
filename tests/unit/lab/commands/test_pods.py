"""Pods by the names that people use; what `lab shell` runs and `lab logs` shows."""

from __future__ import annotations

import pytest

from lab.cluster.objects import Document
from lab.commands.pod_logs import ALL, sources
from lab.commands.pods import Pod, find, pod_of
from lab.commands.shell import difference, exec_arguments
from lab.errors import LabError


def _document(namespace: str, name: str, *, sidecar: bool = True, phase: str = "Running") -> Document:
    proxies = [{"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.31.1-distroless"}] if sidecar else []
    return {
        "metadata": {"namespace": namespace, "name": name, "uid": f"uid-{name}"},
        "spec": {"initContainers": proxies, "containers": [{"name": "app", "image": "example/app:1"}]},
        "status": {"phase": phase},
    }


def _pods(*documents: Document) -> tuple[Pod, ...]:
    return tuple(pod_of(document) for document in documents)


PODS = _pods(
    _document("shop", "billing-api-7d9f-aaaaa", phase="Pending"),
    _document("shop", "billing-api-7d9f-bbbbb"),
    _document("shop", "frontend-ui-5c4d-ccccc"),
    _document("other", "billing-api-66f7-ddddd", sidecar=False),
)


def test_a_pod_is_found_by_its_name_by_how_it_begins_and_within_a_namespace() -> None:
    assert find(PODS, "frontend-ui-5c4d-ccccc").namespace == "shop"
    assert find(PODS, "front").name == "frontend-ui-5c4d-ccccc"
    assert find(PODS, "other/billing").name == "billing-api-66f7-ddddd"


def test_of_a_workloads_pods_one_that_runs_is_taken() -> None:
    assert find(PODS, "shop/billing-api").name == "billing-api-7d9f-bbbbb"


def test_a_workloads_logs_are_all_its_pods_and_a_pods_its_own() -> None:
    assert {source.pod.name for source in sources(PODS, "shop/billing-api")} == {
        "billing-api-7d9f-aaaaa",
        "billing-api-7d9f-bbbbb",
    }
    assert {source.pod.name for source in sources(PODS, "billing-api-7d9f-bbbbb")} == {"billing-api-7d9f-bbbbb"}


def test_a_name_of_two_workloads_is_refused_with_what_it_may_mean() -> None:
    with pytest.raises(LabError, match=r"'billing' may be any of shop/billing-api-7d9f-aaaaa, .*: name one of them"):
        find(PODS, "billing")


def test_a_pod_that_is_not_there_is_refused_with_the_remedy() -> None:
    with pytest.raises(LabError, match="there is no pod 'ledger' in the lab: kubectl get pods"):
        find(PODS, "ledger")


def test_the_default_container_is_the_annotations_or_the_first_application() -> None:
    document = _document("shop", "billing-api-1")
    assert pod_of(document).default == "app"

    document["metadata"]["annotations"] = {"kubectl.kubernetes.io/default-container": "istio-proxy"}
    assert pod_of(document).default == "istio-proxy"


def test_an_unknown_container_is_refused_with_those_there_are() -> None:
    with pytest.raises(LabError, match="has no container 'web'; it has istio-proxy, app"):
        PODS[0].container("web")


def test_all_logs_are_the_access_logs_of_sidecars_that_have_begun() -> None:
    found = sources(PODS, ALL)

    assert [source.prefix for source in found] == ["shop/billing-api-7d9f-bbbbb", "shop/frontend-ui-5c4d-ccccc"]
    assert found[0].shown('{"response_code":200}')
    assert not found[0].shown("2026-11-21T05:27:00Z info Envoy proxy is ready")


def test_one_pods_logs_are_all_lines_of_all_its_containers() -> None:
    found = sources(PODS, "frontend")

    assert [source.container for source in found] == ["istio-proxy", "app"]
    assert all(source.shown("any line") for source in found)
    assert found[1].path(follow=True) == (
        "/api/v1/namespaces/shop/pods/frontend-ui-5c4d-ccccc/log?container=app&follow=true"
    )


def test_a_shell_is_this_machines_and_a_command_stands_for_itself() -> None:
    pod = find(PODS, "frontend")

    assert exec_arguments(pod, pod.container(None), (), terminal=True)[-2:] == [
        "PS1=frontend-ui-5c4d-ccccc/app $ ",
        "/bin/sh",
    ]
    assert "--tty" in exec_arguments(pod, pod.container(None), (), terminal=True)
    plain = exec_arguments(pod, pod.container("istio-proxy"), ["pilot-agent", "version"], terminal=False)
    assert plain[plain.index("--") :] == ["--", "pilot-agent", "version"]
    assert "--tty" not in plain


def test_a_shells_first_line_says_how_to_do_the_same_on_eks() -> None:
    pod = find(PODS, "frontend")

    assert "kubectl debug --namespace=shop" in difference(pod, pod.container(None))
    assert "istioctl proxy-config all frontend-ui-5c4d-ccccc.shop" in difference(pod, pod.container("istio-proxy"))
    assert "istioctl" not in difference(pod, pod.container(None))

"""The charts take exactly our values: rendered by the real helm, and what they render is taken by the API server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from configuration.mesh import revision_of
from lab.build.toolchain_files import CHARTS
from tests.contract.stack_plans import STACKS, releases_of
from tests.whole_lab import WholeLab
from versions import ISTIO

pytestmark = pytest.mark.timeout(1800)

ISTIOD = f"istiod-{revision_of(ISTIO)}"
BESIDE = "1.31.2"
# Release -> chart.
RELEASES = {
    "istio-base": "base",
    "istio-cni": "cni",
    ISTIOD: "istiod",
    "istio-ingressgateway": "gateway",
    "cert-manager": "cert-manager",
    "aws-load-balancer-controller": "aws-load-balancer-controller",
}
PUBLIC = re.compile(r"\b(docker\.io|ghcr\.io|quay\.io|gcr\.io|registry\.k8s\.io|public\.ecr\.aws)\b")


def rendered(lab: WholeLab, stack: str, release: str, directory: Path, *, beside: str = "") -> list[dict[str, Any]]:
    """beside: the version of a second control plane."""
    inputs = releases_of(stack, beside=beside)[release]
    values = directory / "values.json"
    values.write_text(json.dumps(inputs["values"]))
    answer = lab.tool(
        "helm",
        "template",
        release,
        str(lab.plane.toolchain.chart(inputs["repositoryOpts"]["repo"], inputs["chart"])),
        f"--namespace={inputs['namespace']}",
        f"--values={values}",
        "--kube-version=1.35.0",
        "--include-crds",
    )
    assert answer.returncode == 0, answer.stderr
    return [document for document in yaml.safe_load_all(answer.stdout) if document]


def test_every_release_of_the_program_is_rendered_here(whole_lab: WholeLab) -> None:
    assert set(releases_of("prod")) == set(RELEASES)
    # metrics-server is an add-on of EKS, and the lab installs it as that.
    assert {*RELEASES.values(), "metrics-server"} == set(CHARTS)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("stack", STACKS)
def test_the_chart_renders_with_our_values_and_the_api_server_takes_the_result(
    whole_lab: WholeLab, stack: str, release: str, tmp_path: Path
) -> None:
    namespace = releases_of(stack)[release]["namespace"]
    documents = rendered(whole_lab, stack, release, tmp_path)
    for document in documents:
        if document["kind"] not in CLUSTER_SCOPED:
            document["metadata"].setdefault("namespace", namespace)

    answer = whole_lab.dry_run(yaml.safe_dump_all(documents))

    assert documents
    assert answer.returncode == 0, answer.stderr


CLUSTER_SCOPED = {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "IngressClass",
    "IngressClassParams",
    "MutatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
}


@pytest.mark.parametrize("release", RELEASES)
def test_with_an_image_registry_no_chart_names_a_public_one(whole_lab: WholeLab, release: str, tmp_path: Path) -> None:
    documents = rendered(whole_lab, "prod", release, tmp_path)

    public = {text for document in documents for text in _texts(document) if PUBLIC.search(text)}

    assert {text for text in public if not _is_prose(text)} == set()


def test_without_one_the_public_registries_are_seen(whole_lab: WholeLab, tmp_path: Path) -> None:
    documents = rendered(whole_lab, "dev", ISTIOD, tmp_path)

    assert any(PUBLIC.search(text) for document in documents for text in _texts(document)), "the check above can fail"


def _texts(node: Any) -> list[str]:
    if isinstance(node, dict):
        # What a CRD says of a field is for people, however many lines it has.
        told = [value for key, value in node.items() if key != "description"]
        return [text for value in told for text in _texts(value)]
    if isinstance(node, list):
        return [text for value in node for text in _texts(value)]
    return [node] if isinstance(node, str) else []


def _is_prose(text: str) -> bool:
    """A CRD's description may speak of a registry; an image reference has no blanks."""
    return " " in text and "\n" not in text


def test_helm_would_refuse_an_object_that_two_control_planes_own(whole_lab: WholeLab, tmp_path: Path) -> None:
    charts = ("istio-base", "istio-cni", ISTIOD, f"istiod-{revision_of(BESIDE)}")
    owners: dict[tuple[str, str, str], list[str]] = {}
    for release in charts:
        for document in rendered(whole_lab, "prod", release, tmp_path, beside=BESIDE):
            metadata = document["metadata"]
            key = (document["kind"], metadata.get("namespace", ""), metadata["name"])
            owners.setdefault(key, []).append(release)
    assert {key: found for key, found in owners.items() if len(found) > 1} == {}
    assert {name for _, found in owners.items() for name in found} == set(charts)


def test_each_control_plane_injects_whoever_names_its_revision_and_nobody_else(
    whole_lab: WholeLab, tmp_path: Path
) -> None:
    for version in (ISTIO, BESIDE):
        revision = revision_of(version)
        documents = rendered(whole_lab, "prod", f"istiod-{revision}", tmp_path, beside=BESIDE)
        hooks = [one for one in documents if one["kind"] == "MutatingWebhookConfiguration"]
        assert [one["metadata"]["name"] for one in hooks] == [f"istio-sidecar-injector-{revision}"]
        (first, _) = hooks[0]["webhooks"]
        assert first["clientConfig"]["service"]["name"] == f"istiod-{revision}"
        assert first["namespaceSelector"]["matchExpressions"][0] == {
            "key": "istio.io/rev",
            "operator": "In",
            "values": [revision],
        }


def test_what_validates_for_all_is_a_control_plane_that_is_there(whole_lab: WholeLab, tmp_path: Path) -> None:
    documents = rendered(whole_lab, "prod", "istio-base", tmp_path, beside=BESIDE)
    (hook,) = (one for one in documents if one["kind"] == "ValidatingWebhookConfiguration")
    assert hook["webhooks"][0]["clientConfig"]["service"]["name"] == ISTIOD, "the older one, while there are two"
    assert hook["webhooks"][0]["failurePolicy"] == "Fail"


def test_the_three_mesh_charts_and_the_gateway_have_one_version() -> None:
    for stack in STACKS:
        versions = {release["version"] for name, release in releases_of(stack).items() if name.startswith("istio")}
        assert len(versions) == 1, f"{stack}: {versions}"

"""Flux's documents, made of its controllers' own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from lab.build import go_module
from lab.cluster.objects import Key
from lab.errors import LabError
from lab.gitops import flux, source
from lab.images import flux as images
from lab.state import NetworkRecord

RECORD = NetworkRecord(
    bridge="ztm0", address="10.201.0.1", network="10.201.0.0/24", pods="10.201.64.0/18", services="10.201.128.0/17"
)
# As the modules' config directories have them, in short.
_DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, labels: {control-plane: controller}}
spec:
  template:
    metadata: {labels: {app: NAME}}
    spec:
      terminationGracePeriodSeconds: 10
      containers: [{name: manager, image: fluxcd/NAME, args: [--enable-leader-election]}]
"""
_SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: NAME}\nspec: {ports: [{port: 80}]}\n"
_RBAC = "rbac.authorization.k8s.io/v1"


@pytest.fixture
def documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    for name in images.CONTROLLERS:
        texts = {
            "crd/bases/a.yaml": f"---\nkind: CustomResourceDefinition\nmetadata: {{name: of-{name}}}\n",
            "rbac/role.yaml": f"---\napiVersion: {_RBAC}\nkind: ClusterRole\nmetadata: {{name: manager-role}}\n",
            "rbac/leader_election_role.yaml": f"apiVersion: {_RBAC}\nkind: Role\nmetadata: {{name: leader}}\n",
            "manager/kustomization.yaml": "kind: Kustomization\nresources: [deployment.yaml]\n",
            "manager/deployment.yaml": _DEPLOYMENT.replace("NAME", name),
        }
        if name == "source-controller":
            texts["manager/service.yaml"] = _SERVICE.replace("NAME", name)
        for file, text in texts.items():
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(images, "configuration", lambda name: tmp_path / name)
    return list(flux.documents(RECORD))


def named(documents: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    (found,) = [one for one in documents if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


def test_each_controller_is_its_own_modules_under_an_account_of_its_own(documents: list[dict[str, Any]]) -> None:
    for name in images.CONTROLLERS:
        deployment = named(documents, "Deployment", name)
        spec = deployment["spec"]["template"]["spec"]
        assert deployment["metadata"] == {
            "name": name,
            "labels": {"control-plane": "controller"},
            "namespace": "flux-system",
        }
        assert spec["serviceAccountName"] == name
        assert spec["containers"][0] == {
            "name": "manager",
            "image": images.image(name),
            "args": ["--enable-leader-election"],
        }
        assert spec["terminationGracePeriodSeconds"] == 10
        assert named(documents, "ClusterRoleBinding", name)["subjects"] == [
            {"kind": "ServiceAccount", "name": name, "namespace": "flux-system"}
        ]
        assert named(documents, "CustomResourceDefinition", f"of-{name}")
        assert named(documents, "Role", name)["metadata"]["namespace"] == "flux-system"
    assert named(documents, "Service", "source-controller")["metadata"]["namespace"] == "flux-system"


def test_who_applies_may_do_everything_and_who_fetches_may_not(documents: list[dict[str, Any]]) -> None:
    bindings = [one for one in documents if (one.get("roleRef") or {}).get("name") == "cluster-admin"]
    assert [[subject["name"] for subject in one["subjects"]] for one in bindings] == [["kustomize-controller"]]


def test_nobody_but_who_fetches_reaches_the_git_server(documents: list[dict[str, Any]]) -> None:
    git = {"to": [{"ipBlock": {"cidr": "10.201.0.1/32"}}], "ports": [{"port": source.PORT, "protocol": "TCP"}]}
    policies = {one["metadata"]["name"]: one["spec"] for one in documents if one["kind"] == "NetworkPolicy"}
    assert policies.pop("default-deny") == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert [name for name, spec in policies.items() if git in spec["egress"]] == ["source-controller"]
    assert named(documents, "GitRepository", "lab")["spec"]["url"] == f"http://10.201.0.1:{source.PORT}/lab.git"


def test_kinds_come_before_objects_of_them(documents: list[dict[str, Any]]) -> None:
    kinds = [one["kind"] for one in documents]
    last = max(place for place, kind in enumerate(kinds) if kind == "CustomResourceDefinition")
    assert last < kinds.index("GitRepository") < kinds.index("Kustomization")
    assert Key.of(documents[-1]) == flux.KUSTOMIZATION


def test_an_image_says_the_version_that_is_built() -> None:
    required = (go_module.GITOPS_SOURCE / "go.mod").read_text(encoding="utf-8")
    for name, version in images.CONTROLLERS.items():
        assert re.search(rf"^\s*github\.com/fluxcd/{name} {re.escape(version)}( |$)", required, re.MULTILINE), name


def test_what_every_lab_needs_is_not_built_anew_when_flux_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gitops").mkdir()
    (tmp_path / "go.mod").write_text("module a\n", encoding="utf-8")
    (tmp_path / "gitops" / "go.mod").write_text("module b\n", encoding="utf-8")
    monkeypatch.setattr(go_module, "ON_DEMAND_SOURCES", (tmp_path / "gitops",))

    def both() -> tuple[str, str]:
        return go_module.digest(source=tmp_path), go_module.digest(source=tmp_path / "gitops")

    toolchain, its_own = both()
    (tmp_path / "gitops" / "go.mod").write_text("module c\n", encoding="utf-8")
    assert both()[0] == toolchain
    assert both()[1] != its_own


class _Cluster:
    def __init__(self, *statuses: dict[str, Any]) -> None:
        self._statuses = list(statuses)

    def get(self, key: Key) -> dict[str, Any]:
        assert key == flux.KUSTOMIZATION
        return {"status": self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]}


def test_a_commit_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flux, "_PAUSE_SECONDS", 0.0)
    cluster: Any = _Cluster({}, {"lastAppliedRevision": "main@sha1:aa"}, {"lastAppliedRevision": "main@sha1:bb"})
    assert flux.await_applied(cluster, "bb") == "main@sha1:bb"


def test_what_flux_cannot_apply_is_told_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flux, "_APPLIED_SECONDS", 0.0)
    refused = {"conditions": [{"type": "Ready", "message": "kustomize build failed: no such file"}]}
    cluster: Any = _Cluster(refused)
    with pytest.raises(LabError, match="in vain for Flux to apply bb: kustomize build failed: no such file"):
        flux.await_applied(cluster, "bb")

"""The lab's engine over an API server and an account that only remember: what is made, kept, refused, taken back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.aws.account import AccountOutdated, AwsError
from lab.aws.made import Made
from lab.cluster.objects import Key, Refused
from lab.engine.engine import LabEngine
from lab.errors import LabError
from offline.registration import EngineError, Registration
from offline.values import Secret


class Cluster:
    """The objects of a cluster by key, and every call in order."""

    def __init__(self) -> None:
        self.held: dict[Key, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.refusal: Refused | None = None

    def apply(self, document: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        key = Key.of(document)
        self.calls.append(f"apply {key.kind} {key.name}")
        if self.refusal:
            raise self.refusal
        before, self.held[key] = self.held.get(key), document
        change = "created" if before is None else "unchanged" if before == document else "updated"
        return change, {**document, "metadata": {**document["metadata"], "managedFields": [], "uid": "1"}}

    def get(self, key: Key) -> dict[str, Any] | None:
        return self.held.get(key)

    def delete(self, key: Key) -> bool:
        self.calls.append(f"delete {key.kind} {key.name}")
        return self.held.pop(key, None) is not None


class Account:
    def __init__(self) -> None:
        self.given: dict[str, dict[str, Any]] = {}
        self.changes: dict[str, str] = {}
        self.problem: Exception | None = None
        self.finished = False

    def make(self, urn: str, type_: str, name: str, inputs: Mapping[str, Any], *, stand_in: Any) -> Made:
        if self.problem:
            raise self.problem
        self.given[urn] = dict(inputs)
        self.changes[urn] = "created"
        return Made(id=f"{name}-id", outputs={"arn": "real", "clusterSecurityGroupId": "sg-real"})

    def finish(self) -> None:
        self.finished = True


class Lab:
    """A lab whose state directory outlives its engines."""

    def __init__(self, root: Path) -> None:
        self.root, self.cluster, self.account = root, Cluster(), Account()

    def engine(self) -> LabEngine:
        kubeconfig = self.root / "kubeconfig"
        kubeconfig.write_text("clusters: []")
        plane = SimpleNamespace(
            api=None,
            kubeconfig=kubeconfig,
            state=SimpleNamespace(root=self.root),
            toolchain=SimpleNamespace(chart=no_chart),
        )
        return LabEngine(cast(Any, plane), cast(Any, self.account), region="eu-west-1", objects=cast(Any, self.cluster))


def no_chart(repository: str, chart: str) -> Path:
    raise LabError(f"no {chart}")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def registration(type_: str, name: str, inputs: dict[str, Any], **more: Any) -> Registration:
    return Registration(
        urn=f"urn:pulumi:lab::mesh::{type_}::{name}",
        type=type_,
        name=name,
        parent="",
        provider=more.pop("provider", ""),
        depends_on=(),
        property_dependencies={},
        inputs=inputs,
        custom=True,
        **more,
    )


def an_object(kind: str, name: str, namespace: str = "", **body: Any) -> Registration:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return registration(
        f"kubernetes:core/v1:{kind}", name, {"apiVersion": "v1", "kind": kind, "metadata": metadata, **body}
    )


def test_an_object_is_applied_and_comes_back_without_the_bookkeeping_of_its_fields(lab: Lab) -> None:
    id_, outputs = lab.engine().create(an_object("ConfigMap", "a", "shop", data={"key": "value"}))
    assert id_ == "shop/a"
    assert outputs == {"metadata": {"name": "a", "namespace": "shop", "uid": "1"}}
    assert lab.cluster.calls == ["apply ConfigMap a"]


def test_secrets_are_revealed_to_the_api_server(lab: Lab) -> None:
    lab.engine().create(an_object("ConfigMap", "a", "shop", data=Secret({"key": "value"})))
    assert [held["data"] for held in lab.cluster.held.values()] == [{"key": "value"}]


def a_deployment(image: str) -> Registration:
    body = {"spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "web", "image": image}]}}}}
    metadata = {"name": "web", "namespace": "shop", "generation": 1}
    inputs = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, **body}
    return registration("kubernetes:apps/v1:Deployment", "web", inputs)


def test_what_depends_on_a_changed_deployment_waits_until_the_last_old_pod_is_told_to_go(lab: Lab) -> None:
    lab.engine().create(a_deployment("old"))
    looks: list[int] = []
    status = {"observedGeneration": 1, "updatedReplicas": 2, "availableReplicas": 2}

    def get(key: Key) -> dict[str, Any]:
        looks.append(1)
        return {**lab.cluster.held[key], "status": {**status, "replicas": 3 if len(looks) < 3 else 2}}

    lab.cluster.get = get  # type: ignore[method-assign]
    lab.engine().create(a_deployment("new"))
    assert len(looks) == 3


def test_a_run_that_is_cancelled_waits_for_no_rollout(lab: Lab) -> None:
    lab.engine().create(a_deployment("old"))
    engine = lab.engine()

    def get(key: Key) -> dict[str, Any]:
        engine.cancel()
        return {**lab.cluster.held[key], "status": {}}

    lab.cluster.get = get  # type: ignore[method-assign]
    with pytest.raises(EngineError, match="interrupted"):
        engine.create(a_deployment("new"))


def test_a_second_run_finds_everything_unchanged(lab: Lab) -> None:
    lab.engine().create(an_object("Namespace", "shop"))
    engine = lab.engine()
    engine.create(an_object("Namespace", "shop"))
    engine.finish()
    assert [change.what for change in engine.changes] == ["unchanged"]
    assert engine.records.kinds() == {"Namespace": 1}


def test_what_the_program_dropped_is_deleted_last_made_first(lab: Lab) -> None:
    first = lab.engine()
    for name in ("a", "b", "c"):
        first.create(an_object("ConfigMap", name, "shop"))
    second = lab.engine()
    second.create(an_object("ConfigMap", "a", "shop"))
    second.finish()
    assert lab.cluster.calls[-2:] == ["delete ConfigMap c", "delete ConfigMap b"]
    assert [change.what for change in second.changes] == ["unchanged", "removed", "removed"]
    assert lab.account.finished


def test_an_object_that_somebody_else_made_is_not_taken_over(lab: Lab) -> None:
    lab.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    with pytest.raises(EngineError, match=r"Namespace shop \(v1\) exists already and is not this stack's"):
        lab.engine().create(an_object("Namespace", "shop"))


def patch() -> Registration:
    metadata = {"name": "shop", "labels": {"istio.io/rev": "stable"}}
    inputs = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    return registration("kubernetes:core/v1:NamespacePatch", "shop", inputs)


def test_a_patch_needs_its_object_and_gives_its_fields_back_instead_of_deleting_it(lab: Lab) -> None:
    with pytest.raises(EngineError, match="does not exist, and a patch does not make it"):
        lab.engine().create(patch())
    lab.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    lab.engine().create(patch())
    lab.engine().finish()
    assert list(lab.cluster.held.values()) == [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}]


def test_a_refusal_names_the_object_the_field_and_the_api_servers_words(lab: Lab) -> None:
    causes = [{"field": "spec.port", "message": "must be between 1 and 65535"}]
    lab.cluster.refusal = Refused(422, {"reason": "Invalid", "message": "is invalid", "details": {"causes": causes}})
    with pytest.raises(EngineError) as refused:
        lab.engine().create(an_object("Service", "a", "shop"))
    assert str(refused.value) == ("the API server refused Service shop/a (v1): spec.port: must be between 1 and 65535")


def test_what_was_under_way_beside_a_failure_does_not_hide_it(lab: Lab) -> None:
    engine = lab.engine()
    lab.cluster.refusal = Refused(422, {"reason": "Invalid", "message": "is invalid"})
    with pytest.raises(EngineError):
        engine.create(an_object("Service", "a", "shop"))
    with pytest.raises(EngineError, match="interrupted"):
        engine.create(an_object("Service", "b", "shop"))
    assert engine.problem.endswith("::a: the API server refused Service shop/a (v1): is invalid")


def test_a_release_whose_chart_the_lab_lacks_is_refused(lab: Lab) -> None:
    engine = lab.engine()
    inputs = {"chart": "karpenter", "name": "karpenter", "namespace": "kube-system"}
    with pytest.raises(EngineError, match="no karpenter"):
        engine.create(registration("kubernetes:helm.sh/v3:Release", "karpenter", inputs))
    assert engine.records.release_names() == ()


def test_the_providers_default_tags_reach_what_takes_tags_and_nothing_else(lab: Lab) -> None:
    engine = lab.engine()
    provider = registration(
        "pulumi:providers:aws", "aws", {"defaultTags": json.dumps({"tags": {"environment": "lab"}})}
    )
    engine.create(provider)
    by = f"{provider.urn}::1"
    vpc = registration("aws:ec2/vpc:Vpc", "vpc", {"tags": {"Name": "mesh"}}, provider=by)
    route = registration("aws:ec2/route:Route", "route", {"routeTableId": "rtb-1"}, provider=by)
    engine.create(vpc)
    engine.create(route)
    assert lab.account.given == {
        vpc.urn: {"tags": {"environment": "lab", "Name": "mesh"}},
        route.urn: {"routeTableId": "rtb-1"},
    }


def test_the_cluster_hands_out_the_labs_own_kubeconfig_as_a_secret(lab: Lab) -> None:
    inputs = {"name": "mesh-lab", "vpcId": "vpc-1"}
    _, outputs = lab.engine().create(registration("eks:index:Cluster", "cluster", inputs, remote=True))
    assert outputs["kubeconfig"].value == {"clusters": []}
    assert json.loads(outputs["kubeconfigJson"].value) == {"clusters": []}
    assert outputs["clusterSecurityGroupId"] == "sg-real"


def test_a_refusal_by_aws_ends_the_program_with_awss_words(lab: Lab) -> None:
    lab.account.problem = AwsError("aws:ec2/vpc:Vpc: CreateVpc: InvalidVpc.Range: no")
    with pytest.raises(EngineError, match=r"CreateVpc: InvalidVpc\.Range: no"):
        lab.engine().create(registration("aws:ec2/vpc:Vpc", "vpc", {}))


def test_once_the_account_is_outdated_the_run_ends_without_making_anything(lab: Lab) -> None:
    engine = lab.engine()
    lab.account.problem = AccountOutdated("urn:vpc")
    id_, _ = engine.create(registration("aws:ec2/vpc:Vpc", "vpc", {}))
    engine.create(an_object("Namespace", "shop"))
    assert id_.startswith("vpc-")
    assert (engine.outdated, engine.changes, lab.cluster.calls) == (True, [], [])


def test_a_cancelled_engine_makes_nothing_any_more(lab: Lab) -> None:
    engine = lab.engine()
    engine.cancel()
    with pytest.raises(EngineError, match="interrupted"):
        engine.create(an_object("Namespace", "shop"))
    assert lab.cluster.calls == []

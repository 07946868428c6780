"""Karpenter: its identity before its pods, its nodes' before they join, and on a destroy its nodes before itself."""

from __future__ import annotations

import functools
import json
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.nodes.karpenter import Karpenter, KarpenterArgs
from components.nodes.karpenter_account import KarpenterAccount, KarpenterAccountArgs
from configuration.cluster import Cluster, NodeGroup
from manifests.images import Images
from tests.unit.components.recording import Recording, key_of, known, run
from tests.unit.components.test_cluster import EKS, FIRST
from tests.unit.components.test_cluster import record as record_cluster
from versions import KARPENTER as VERSION

RELEASE = "kubernetes:helm.sh/v3:Release"
CLASS = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass::karpenter"
POOL = "kubernetes:karpenter.sh/v1:NodePool::karpenter"
NODES = "kubernetes:core/v1:ConfigMap::nodes"
SETTINGS = Cluster(name="mesh-dev", node_group=NodeGroup(autoscaler="karpenter"))


@functools.cache  # a recording is only read
def record(*, preview: bool, wanted: bool = True) -> Recording:
    def program() -> dict[str, Any]:
        nodes = kubernetes.core.v1.ConfigMap("nodes")
        account = None
        if wanted:
            account = KarpenterAccount(
                "account",
                KarpenterAccountArgs(
                    cluster_name="mesh-dev", security_group_id="sg-1", region="eu-west-1", after=(nodes,)
                ),
            )
        karpenter = Karpenter(
            "karpenter",
            KarpenterArgs(
                settings=SETTINGS,
                region="eu-west-1",
                account=account,
                subnet_ids=("subnet-a",),
                tags={"team": "platform"},
                images=Images(),
                after=(nodes,),
            ),
        )
        ready = pulumi.Output.all(*[resource.urn for resource in karpenter.ready])
        return {"ready": ready.apply(lambda urns: [key_of(urn) for urn in urns])}

    return run(program, preview=preview)


def test_without_it_nothing_is_made(preview: bool) -> None:
    recording = record(preview=preview, wanted=False)
    assert recording.children("mesh:karpenter:Karpenter::karpenter") == ()
    assert recording.returned["ready"] == []


def test_its_definitions_come_first_and_by_a_chart_that_upgrades_them(preview: bool) -> None:
    recording = record(preview=preview)
    definitions, controller = recording[f"{RELEASE}::karpenter-crd"], recording[f"{RELEASE}::karpenter"]
    for item, name in ((definitions, "karpenter-crd"), (controller, "karpenter")):
        assert item.inputs["chart"] == f"oci://public.ecr.aws/karpenter/{name}"
        assert item.inputs["version"] == VERSION
        assert "repositoryOpts" not in item.inputs
        assert item.inputs["namespace"] == "kube-system"
    assert controller.inputs["skipCrds"] is True
    assert NODES in definitions.depends_on
    assert recording.returned["ready"] == [POOL]


def test_on_a_destroy_its_nodes_go_before_the_class_and_the_class_before_the_controller(preview: bool) -> None:
    recording = record(preview=preview)
    assert CLASS in recording[POOL].depends_on
    assert f"{RELEASE}::karpenter" in recording[CLASS].depends_on
    assert f"{RELEASE}::karpenter-crd" in recording[f"{RELEASE}::karpenter"].depends_on
    for key in (POOL, CLASS, f"{RELEASE}::karpenter"):
        assert not recording[key].deleted_with, "with the cluster gone nobody takes the instances down"


def test_its_nodes_may_join_and_nothing_of_iam_is_the_controllers_to_make(preview: bool) -> None:
    recording = record(preview=preview)
    entry = recording["aws:eks/accessEntry:AccessEntry::karpenter-nodes"]
    assert entry.inputs == {
        "clusterName": "mesh-dev",
        "principalArn": known("arn:aws:iam::111122223333:role/karpenter-nodes", preview),
        "type": "EC2_LINUX",
    }
    profile = recording["aws:iam/instanceProfile:InstanceProfile::karpenter-nodes"]
    assert {key.rpartition("::")[2] for key in profile.depends_on} >= {
        "karpenter-nodes-worker",
        "karpenter-nodes-images",
    }
    assert recording[CLASS].inputs["spec"]["instanceProfile"] == known("karpenter-nodes", preview)


def test_its_policy_names_its_own_role_and_queue_only() -> None:
    recording = record(preview=False)
    policy = json.loads(recording["aws:iam/rolePolicy:RolePolicy::karpenter"].inputs["policy"])
    resources = {action: one["Resource"] for one in policy["Statement"] for action in one["Action"]}
    assert resources["iam:PassRole"] == "arn:aws:iam::111122223333:role/karpenter-nodes"
    assert resources["sqs:ReceiveMessage"] == "arn:aws:sqs:eu-west-1:111122223333:interruptions"
    queue = json.loads(recording["aws:sqs/queuePolicy:QueuePolicy::interruptions"].inputs["policy"])
    rules = recording.of_type("aws:cloudwatch/eventRule:EventRule")
    assert queue["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"] == [
        f"arn:aws:events:eu-west-1:111122223333:rule/{name}" for name in rules
    ]
    targets = recording.of_type("aws:cloudwatch/eventTarget:EventTarget")
    assert {target.inputs["rule"] for target in targets.values()} == set(rules)


def test_its_account_is_there_before_the_first_node(preview: bool) -> None:
    recording = record_cluster(preview=preview, node_group=NodeGroup(autoscaler="karpenter"))
    association = "aws:eks/podIdentityAssociation:PodIdentityAssociation::karpenter"
    assert association in recording.needs(FIRST), "a pod that starts before its association has no credentials"
    assert EKS in recording[association].depends_on
    assert recording[association].inputs["namespace"] == "kube-system"

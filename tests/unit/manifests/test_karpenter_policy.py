"""Karpenter's policy beside its own: a missing action ends in pods that wait for a node for ever."""

from __future__ import annotations

import json

import pytest

from configuration.cluster import Cluster, NodeGroup
from manifests.images import Images
from manifests.karpenter import Launch, karpenter_values, node_class, node_pool
from manifests.karpenter_policy import INTERRUPTIONS, interruption_queue, karpenter_controller
from tests.unit.manifests.test_controller_policy import Grant, conditions, listed
from tests.unit.manifests.upstream_controller_policy import Statement
from tests.unit.manifests.upstream_karpenter_policy import LEFT_OUT, MINOR, STATEMENTS
from versions import ISTIO_KUBERNETES, KARPENTER, KARPENTER_MINORS

QUEUE = "arn:aws:sqs:eu-west-1:111122223333:interruptions"
POLICY = karpenter_controller(
    region="eu-west-1",
    cluster_name="mesh-dev",
    node_role_arn="arn:aws:iam::111122223333:role/nodes",
    queue_arn=QUEUE,
)
OURS = tuple(
    Grant(action=action, resource=resource, condition=conditions(statement))
    for statement in POLICY["Statement"]
    for action in statement["Action"]
    for resource in listed(statement["Resource"])
)
CLUSTER = Cluster(
    name="mesh-dev",
    node_group=NodeGroup(
        autoscaler="karpenter", architecture="arm64", instance_types=("m7g.large", "c7g.xlarge"), capacity="SPOT"
    ),
)
LAUNCH = Launch(subnet_ids=("subnet-a", "subnet-b"), security_group_id="sg-1", instance_profile="profile")


def within(grant: Grant, upstream: Statement) -> bool:
    """Whether a grant of ours is one of this statement of upstream's, or a part of it."""
    given = {(operator, key): set(value.split()) for operator, key, value in grant.condition}
    wanted = {(operator, key): set(value.split()) for operator, key, value in upstream.condition}
    return grant.resource in upstream.resources and all(
        key in given and given[key] <= values for key, values in wanted.items()
    )


def test_the_table_is_of_the_minor_that_is_pinned() -> None:
    # Fails when the chart is upgraded: the table goes with it.
    assert KARPENTER.startswith(f"{MINOR}.")
    assert set(KARPENTER_MINORS) == {minor for minors in ISTIO_KUBERNETES.values() for minor in minors}


def test_every_action_that_karpenter_calls_is_granted_or_left_out_for_a_reason() -> None:
    granted = {grant.action for grant in OURS}
    upstream = {action for statement in STATEMENTS for action in statement.actions}
    assert upstream - granted == set(LEFT_OUT)
    assert granted - upstream == set(), "and nothing that upstream does not grant"


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda one: f"{one.actions[0]} of {len(one.actions)}")
def test_every_statement_of_upstreams_has_ours_as_wide_or_says_why_not(statement: Statement) -> None:
    for action in statement.actions:
        if action in LEFT_OUT:
            continue
        found = {grant.resource for grant in OURS if grant.action == action and within(grant, statement)}
        assert found, action
        assert found == set(statement.resources) or statement.deviation, action


def test_everything_that_is_granted_lies_within_some_statement_of_upstreams() -> None:
    outside = [
        grant for grant in OURS if not any(grant.action in one.actions and within(grant, one) for one in STATEMENTS)
    ]
    assert outside == []


def test_the_policy_is_no_longer_than_a_role_takes() -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: 10,240 characters without white space.
    longest = karpenter_controller(
        region="ap-southeast-1", cluster_name="a" * 100, node_role_arn="a" * 100, queue_arn="a" * 120
    )
    assert len("".join(json.dumps(longest).split())) <= 10_240


def test_only_the_programs_own_rules_write_into_the_queue() -> None:
    send, deny = interruption_queue(queue_arn=QUEUE, rule_arns=["rule-a", "rule-b"])["Statement"]
    assert send["Principal"] == {"Service": "events.amazonaws.com"}
    assert send["Condition"] == {"ArnEquals": {"aws:SourceArn": ["rule-a", "rule-b"]}}
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert {pattern["source"][0] for pattern in INTERRUPTIONS.values()} == {"aws.ec2", "aws.health"}


def test_its_nodes_are_as_hardened_as_the_groups() -> None:
    spec = node_class(CLUSTER, LAUNCH, tags={"team": "platform"})["spec"]
    assert spec["metadataOptions"]["httpTokens"] == "required"
    assert spec["metadataOptions"]["httpPutResponseHopLimit"] == 1, "a pod would have the node's credentials"
    (disk,) = spec["blockDeviceMappings"]
    assert (disk["ebs"]["encrypted"], disk["ebs"]["volumeSize"]) == (True, "50Gi")
    assert spec["tags"] == {"team": "platform", "Name": "mesh-dev-node"}
    assert spec["amiSelectorTerms"] == [{"alias": "al2023@v20260714"}], "with `latest` nodes go when AWS publishes one"
    assert spec["subnetSelectorTerms"] == [{"id": "subnet-a"}, {"id": "subnet-b"}]
    assert spec["securityGroupSelectorTerms"] == [{"id": "sg-1"}], "a second one is what the load balancer refuses"


def test_its_nodes_are_of_the_groups_kind_and_have_an_end() -> None:
    spec = node_pool(CLUSTER)["spec"]
    inner = spec["template"]["spec"]
    assert {one["key"]: one["values"] for one in inner["requirements"]} == {
        "kubernetes.io/os": ["linux"],
        "kubernetes.io/arch": ["arm64"],
        "karpenter.sh/capacity-type": ["spot"],
        "node.kubernetes.io/instance-type": ["m7g.large", "c7g.xlarge"],
    }
    assert spec["limits"] == {"cpu": "64"}, "a loop that makes pods would cost without end"
    assert inner["terminationGracePeriod"], "a pod that never lets go would keep a destroy waiting for ever"
    assert spec["disruption"]["budgets"] == [{"nodes": "10%"}]


def test_its_image_comes_from_the_stacks_registry_and_its_region_is_told() -> None:
    values = karpenter_values(
        cluster_name="mesh-dev", region="eu-west-1", queue_name="q", images=Images("registry.example.com/mesh")
    )
    assert values["controller"]["image"]["repository"] == "registry.example.com/mesh/karpenter/controller"
    assert values["controller"]["env"] == [{"name": "AWS_REGION", "value": "eu-west-1"}]
    assert values["settings"] == {"clusterName": "mesh-dev", "interruptionQueue": "q"}

"""What observes the mesh on AWS, each half by its setting."""

from __future__ import annotations

import functools
import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from components.observability import Observability, ObservabilityArgs
from configuration.mesh import Observability as ObservabilitySettings
from manifests.images import Images
from tests.unit.components.recording import Recording, run

COMPONENT = "mesh:observability:Observability::observability"
ADDON = "aws:eks/addon:Addon::amazon-cloudwatch-observability"
DEPLOYMENT = "kubernetes:apps/v1:Deployment::observability/otel-collector"
NAMESPACE = "kubernetes:core/v1:Namespace::observability"
SEARCH = "aws:xray/traceSegmentDestination:TraceSegmentDestination::transaction-search"
POLICY = "aws:cloudwatch/logResourcePolicy:LogResourcePolicy::transaction-search"
READY = "kubernetes:core/v1:ConfigMap::ready"
CLUSTER = "kubernetes:core/v1:ConfigMap::cluster"


@functools.cache  # a recording is only read
def record(*, preview: bool, tracing: bool = True, container_logs: bool = True) -> Recording:
    def program() -> dict[str, Any]:
        cluster = kubernetes.Provider("kubernetes", kubeconfig="{}")
        inside = pulumi.ResourceOptions(provider=cluster)
        component = Observability(
            "observability",
            ObservabilityArgs(
                settings=ObservabilitySettings(tracing=tracing, container_logs=container_logs),
                images=Images(),
                region="eu-west-1",
                cluster_name="mesh-dev",
                log_retention_days=14,
                after=[kubernetes.core.v1.ConfigMap("ready", opts=inside)],
                deleted_with=kubernetes.core.v1.ConfigMap("cluster", opts=inside),
            ),
            pulumi.ResourceOptions(providers={"aws": aws.Provider("aws", region="eu-west-1"), "kubernetes": cluster}),
        )
        return {"ready": len(component.ready)}

    return run(program, preview=preview)


def test_with_both_settings_off_nothing_is_made(preview: bool) -> None:
    recording = record(preview=preview, tracing=False, container_logs=False)
    assert recording.children(COMPONENT) == ()
    assert recording.returned == {"ready": 1}, "whoever comes after it comes after what it would have come after"


def test_the_collector_is_made_with_transaction_search(preview: bool) -> None:
    recording = record(preview=preview, container_logs=False)
    assert sorted(recording.children(COMPONENT)) == sorted(
        [
            NAMESPACE,
            POLICY,
            SEARCH,
            DEPLOYMENT,
            "kubernetes:core/v1:ServiceAccount::observability/otel-collector",
            "kubernetes:networking.istio.io/v1:ServiceEntry::observability/aws-xray",
            "kubernetes:core/v1:ConfigMap::observability/otel-collector",
            "kubernetes:policy/v1:PodDisruptionBudget::observability/otel-collector",
            "kubernetes:core/v1:Service::observability/otel-collector",
        ]
    )


def test_a_collector_pod_is_made_only_when_what_it_refers_to_is_there(preview: bool) -> None:
    needed = record(preview=preview).needs(DEPLOYMENT)
    assert {
        SEARCH,
        POLICY,
        NAMESPACE,
        READY,
        "kubernetes:core/v1:ConfigMap::observability/otel-collector",
        "kubernetes:core/v1:ServiceAccount::observability/otel-collector",
    } <= needed


def test_objects_in_the_cluster_go_with_it(preview: bool) -> None:
    recording = record(preview=preview)
    inside = [key for key in recording.children(COMPONENT) if key.startswith("kubernetes:")]
    assert {recording[key].deleted_with for key in inside} == {CLUSTER}
    assert {recording[key].provider for key in inside} == {"kubernetes"}
    assert all(READY in recording.needs(key) for key in inside)


def test_transaction_search_is_the_regions_and_survives_a_destroy() -> None:
    recording = record(preview=False)
    policy, search = recording[POLICY], recording[SEARCH]
    assert json.loads(policy.inputs["policyDocument"])["Statement"] == [
        {
            "Sid": "TransactionSearchXRayAccess",
            "Effect": "Allow",
            "Principal": {"Service": "xray.amazonaws.com"},
            "Action": "logs:PutLogEvents",
            "Resource": [
                "arn:aws:logs:eu-west-1:*:log-group:aws/spans:*",
                "arn:aws:logs:eu-west-1:*:log-group:/aws/application-signals/data:*",
            ],
            "Condition": {
                "ArnLike": {"aws:SourceArn": "arn:aws:xray:eu-west-1:*:*"},
                "StringEquals": {"aws:SourceAccount": "111122223333"},
            },
        }
    ]
    assert policy.inputs["policyName"] == "TransactionSearchXRayAccess"
    assert search.inputs == {"destination": "CloudWatchLogs"}
    assert search.depends_on == (POLICY,), "X-Ray refuses the destination that it may not write to"
    assert (policy.retain_on_delete, search.retain_on_delete) == (True, True)


def test_container_logs_are_collected_into_groups_that_end(preview: bool) -> None:
    recording = record(preview=preview, tracing=False)
    groups = recording.of_type("aws:cloudwatch/logGroup:LogGroup")
    assert {name: group.inputs for name, group in groups.items()} == {
        f"containers-{kind}": {"name": f"/aws/containerinsights/mesh-dev/{kind}", "retentionInDays": 14}
        for kind in ("application", "dataplane", "host", "performance")
    }
    addon = recording[ADDON]
    assert addon.inputs == {
        "clusterName": "mesh-dev",
        "addonName": "amazon-cloudwatch-observability",
        "addonVersion": "v6.4.0-eksbuild.1",
        "configurationValues": json.dumps(
            {
                "containerLogs": {"enabled": True},
                "applicationSignals": {"enabled": False},
                "manager": {"applicationSignals": {"autoMonitor": {"monitorAllServices": False}}},
            }
        ),
        "resolveConflictsOnCreate": "OVERWRITE",
        "resolveConflictsOnUpdate": "OVERWRITE",
    }
    assert {group.urn for group in groups.values()} | {READY} <= set(addon.depends_on)
    assert NAMESPACE not in recording.keys

"""MR712: Who gets into the cluster stands in its access entries, as the settings name them."""

from __future__ import annotations

from collections.abc import Iterator

from policy.eks import CLUSTER, COMPONENT, says_nothing
from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack

_ADMIN = "AmazonEKSClusterAdminPolicy"


@rule(
    "MR712",
    "AWS",
    title="Who gets into the cluster stands in its access entries, as the settings name them.",
    why="The aws-auth ConfigMap is changed from inside, by whoever may write it; the creator's own admin rights stand "
    "in no list.",
    source="https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html; docs/adr/0019",
    severity="critical",
    remedy="authenticationMode API, and every principal in cluster.access.",
    about=(COMPONENT, CLUSTER),
)
def cluster_access(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if says_nothing(resource):
        return
    if resource.type == CLUSTER:
        mode, path = resource.at("accessConfig", "authenticationMode"), "accessConfig.authenticationMode"
        if resource.at("accessConfig", "bootstrapClusterCreatorAdminPermissions"):
            yield Flaw(field="accessConfig.bootstrapClusterCreatorAdminPermissions", value="true")
    else:
        mode, path = resource.at("authenticationMode"), "authenticationMode"
    if mode != "API":
        yield Flaw(field=path, value=shown(mode))
    named = {entry.principal_arn for entry in stack.settings.cluster.access if entry.policy == "ClusterAdmin"}
    for key, entry in (resource.at("accessEntries") or {}).items():
        policies = (entry.get("accessPolicies") or {}).values()
        admin = any(str(policy.get("policyArn", "")).endswith(_ADMIN) for policy in policies)
        if admin and entry.get("principalArn") not in named:
            yield Flaw(field=f"accessEntries[{key}].accessPolicies", value=str(entry.get("principalArn")))

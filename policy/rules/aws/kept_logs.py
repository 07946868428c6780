"""MR710: In production the API server's audit log and the network's flow log are kept for three months."""

from __future__ import annotations

from collections.abc import Iterator

from policy.eks import CLUSTER, COMPONENT, says_nothing
from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack

_GROUP = "aws:cloudwatch/logGroup:LogGroup"
_FLOW = "aws:ec2/flowLog:FlowLog"
_LEAST_DAYS = 90


@rule(
    "MR710",
    "AWS",
    title="In production the API server's audit log and the network's flow log are kept for three months.",
    why="An intrusion is found weeks later: what is gone by then shows nothing. A group without retention costs for "
    "ever.",
    source="https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html; "
    "https://docs.aws.amazon.com/config/latest/developerguide/cw-loggroup-retention-period-check.html",
    severity="high",
    remedy="cluster.logs with api, audit and authenticator; cluster.logRetentionDays, network.flowLogRetentionDays.",
    about=(COMPONENT, CLUSTER, _GROUP, _FLOW),
)
def kept_logs(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if says_nothing(resource):
        return
    if resource.type == _GROUP:
        days = resource.at("retentionInDays")
        if not days or (stack.production and int(days) < _LEAST_DAYS):
            yield Flaw(field="retentionInDays", value=shown(days))
    elif resource.type == _FLOW:
        if resource.at("trafficType") != "ALL":
            yield Flaw(field="trafficType", value=shown(resource.at("trafficType")))
    elif stack.production:
        logs = resource.at("enabledClusterLogTypes") or ()
        missing = [name for name in ("api", "audit", "authenticator") if name not in logs]
        if missing:
            yield Flaw(field="enabledClusterLogTypes", value=shown(list(logs)), says=f"without {', '.join(missing)}")

"""MR702: Nodes answer metadata by IMDSv2 only, and not to pods."""

from __future__ import annotations

from collections.abc import Iterator

from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack


@rule(
    "MR702",
    "AWS",
    title="Nodes answer metadata by IMDSv2 only, and not to pods.",
    why="With IMDSv1 one forged request of a pod returns the node's credentials; with a hop limit above 1 every pod "
    "reaches them with a token too.",
    source="https://docs.aws.amazon.com/controltower/latest/controlreference/ec2-rules.html (CT.EC2.PR.1, "
    "CT.EC2.PR.2); https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html",
    severity="critical",
    remedy="metadataOptions: httpTokens required, httpPutResponseHopLimit 1.",
    about=("aws:ec2/launchTemplate:LaunchTemplate",),
)
def instance_metadata(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    options = resource.at("metadataOptions") or {}
    if options.get("httpEndpoint") == "disabled":
        return
    for name, wanted in (("httpTokens", "required"), ("httpPutResponseHopLimit", 1)):
        if options.get(name) != wanted:
            yield Flaw(field=f"metadataOptions.{name}", value=shown(options.get(name)))

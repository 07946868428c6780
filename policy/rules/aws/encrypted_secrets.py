"""MR704: The cluster's Secrets are encrypted with a key of the stack's that rotates."""

from __future__ import annotations

from collections.abc import Iterator

from policy.eks import CLUSTER, COMPONENT, says_nothing
from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack

_KEY = "aws:kms/key:Key"


@rule(
    "MR704",
    "AWS",
    title="The cluster's Secrets are encrypted with a key of the stack's that rotates.",
    why="With a key of one's own every reading is in CloudTrail, and taking the key away closes a copy of etcd.",
    source="https://docs.aws.amazon.com/eks/latest/userguide/enable-kms.html; "
    "https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html",
    severity="high",
    remedy="encryptionConfigKeyArn of the cluster; enableKeyRotation and 30 days' deletionWindowInDays of the key.",
    about=(COMPONENT, CLUSTER, _KEY),
)
def encrypted_secrets(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if says_nothing(resource):
        return
    if resource.type == _KEY:
        if resource.at("enableKeyRotation") is not True:
            yield Flaw(field="enableKeyRotation", value=shown(resource.at("enableKeyRotation")))
        if int(resource.at("deletionWindowInDays") or 30) < 30:
            yield Flaw(field="deletionWindowInDays", value=shown(resource.at("deletionWindowInDays")))
    else:
        name = "encryptionConfigKeyArn" if resource.type == COMPONENT else "encryptionConfig"
        # The key's ARN need not be known: that there is one is.
        if name not in resource.inputs:
            yield Flaw(field=name)

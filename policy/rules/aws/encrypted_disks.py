"""MR703: The nodes' volumes are encrypted."""

from __future__ import annotations

from collections.abc import Iterator

from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack


@rule(
    "MR703",
    "AWS",
    title="The nodes' volumes are encrypted.",
    why="Pulled images, logs and every emptyDir lie on them; a snapshot of an unencrypted one reads like a file.",
    source="https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption.html; "
    "https://docs.aws.amazon.com/controltower/latest/controlreference/ec2-rules.html (CT.EC2.PR.7)",
    severity="high",
    remedy="encrypted true in each ebs of blockDeviceMappings.",
    about=("aws:ec2/launchTemplate:LaunchTemplate",),
)
def encrypted_disks(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    mappings = resource.at("blockDeviceMappings") or ()
    if not mappings:
        yield Flaw(field="blockDeviceMappings", says="the image's own volume is as it was made")
    for position, mapping in enumerate(mappings):
        encrypted = (mapping.get("ebs") or {}).get("encrypted")
        if str(encrypted).lower() != "true":
            yield Flaw(field=f"blockDeviceMappings[{position}].ebs.encrypted", value=shown(encrypted))

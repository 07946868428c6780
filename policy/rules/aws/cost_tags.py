"""MR708: Everything that costs carries the stack's tags."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack

_PROVIDER = "pulumi:providers:aws"
_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
_TAGS = {
    "Ingress": "alb.ingress.kubernetes.io/tags",
    "Service": "service.beta.kubernetes.io/aws-load-balancer-additional-resource-tags",
}


@rule(
    "MR708",
    "AWS",
    title="Everything that costs carries the stack's tags.",
    why="What is not tagged is on nobody's bill, and nobody's to clean up. The provider's default tags reach neither "
    "nodes and their volumes nor what the load balancer controller makes.",
    source="https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/cost-alloc-tags.html; "
    "https://www.pulumi.com/registry/packages/aws/installation-configuration/ (defaultTags)",
    severity="medium",
    remedy="`tags` of the stack, with `environment` and `managed-by`, which the program adds.",
    about=(_PROVIDER, _TEMPLATE, *_TAGS),
)
def cost_tags(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    wanted = {**stack.settings.tags, "environment": stack.settings.environment, "managed-by": "pulumi"}
    for path, tags in _tags(resource):
        missing = [f"{name}={value}" for name, value in wanted.items() if str(tags.get(name)) != value]
        if missing:
            yield Flaw(field=path, value=", ".join(sorted(tags)) or "(none)", says=f"without {', '.join(missing)}")


def _tags(resource: Resource) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if resource.type == _PROVIDER:
        default = resource.at("defaultTags")
        default = json.loads(default) if isinstance(default, str) else default
        yield "defaultTags.tags", (default or {}).get("tags") or {}
    elif resource.type == _TEMPLATE:
        found = {one.get("resourceType"): one.get("tags") or {} for one in resource.at("tagSpecifications") or ()}
        for kind in ("instance", "volume"):
            yield f"tagSpecifications[{kind}].tags", found.get(kind, {})
    elif resource.kind == "Ingress" or resource.at("spec", "type") == "LoadBalancer":
        text = str(resource.annotations.get(_TAGS[resource.kind]) or "")
        pairs = (pair.partition("=") for pair in text.split(",") if pair)
        yield f'metadata.annotations["{_TAGS[resource.kind]}"]', {name: value for name, _, value in pairs}

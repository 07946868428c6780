"""MR711: In production a public ALB has a WAF, keeps access logs and drops invalid headers."""

from __future__ import annotations

from collections.abc import Iterator

from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack

_ALB = "alb.ingress.kubernetes.io"


@rule(
    "MR711",
    "AWS",
    title="In production a public ALB has a WAF, keeps access logs and drops invalid headers.",
    why="Without a log nobody can say who asked for what; an invalid header is how a request is smuggled past one "
    "parser to the next.",
    source="https://docs.aws.amazon.com/securityhub/latest/userguide/elb-controls.html (ELB.4, ELB.5, ELB.16)",
    severity="high",
    remedy="loadBalancer.waf and loadBalancer.accessLogs.",
    about=("Ingress",),
)
def waf_in_production(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    notes = resource.annotations
    name = f"{_ALB}/load-balancer-attributes"
    attributes = str(notes.get(name) or "").split(",")
    wanted = ["routing.http.drop_invalid_header_fields.enabled=true"]
    if stack.production:
        wanted.append("access_logs.s3.enabled=true")
        if notes.get(f"{_ALB}/scheme") == "internet-facing" and f"{_ALB}/wafv2-acl-arn" not in notes:
            yield Flaw(field=f'metadata.annotations["{_ALB}/wafv2-acl-arn"]')
    for one in wanted:
        if one not in attributes:
            yield Flaw(field=f'metadata.annotations["{name}"]', value=shown(notes.get(name)), says=f"without {one}")

"""The web ACL in front of the ALB and its log, as the properties of Pulumi's `aws:wafv2/…` resources."""

from __future__ import annotations

from typing import Any, Literal

# AWS's own rule groups; each blocks as AWS ships it. Prices: both are free of extra charge.
_MANAGED_RULES: tuple[str, ...] = ("AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet")

# It blocks bodies over 8 KiB. Before an ALB the WAF is given no more than that of a body, which cannot be raised:
# https://docs.aws.amazon.com/waf/latest/developerguide/web-acl-setting-body-inspection-limit.html
# https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
_OVERSIZE_RULES: dict[str, str] = {"AWSManagedRulesCommonRuleSet": "SizeRestrictions_BODY"}

# Of these no value reaches the log. In sampled requests, which the console shows for three hours, they are still seen.
# https://docs.aws.amazon.com/waf/latest/APIReference/API_LoggingConfiguration.html (RedactedFields)
_REDACTED_HEADERS = ("authorization", "cookie")

# Requests of one client address in five minutes: far above a person, below what keeps a gateway pod busy.
_RATE_LIMIT = 2000
_RATE_WINDOW_SECONDS = 300


def web_acl_properties(name: str, *, oversize_bodies: Literal["block", "pass"]) -> dict[str, Any]:
    """A regional web ACL: AWS's common rules and known bad inputs, and a limit per client address."""
    counted = _OVERSIZE_RULES if oversize_bodies == "pass" else {}
    managed = [_managed(rules, priority, counted.get(rules)) for priority, rules in enumerate(_MANAGED_RULES)]
    limit = {
        "name": "rate-limit",
        "priority": len(_MANAGED_RULES),
        "action": {"block": {}},
        "statement": {
            "rateBasedStatement": {
                "aggregateKeyType": "IP",
                "limit": _RATE_LIMIT,
                "evaluationWindowSec": _RATE_WINDOW_SECONDS,
            }
        },
        "visibilityConfig": _visible("rate-limit"),
    }
    return {
        "scope": "REGIONAL",
        "defaultAction": {"allow": {}},
        "rules": [*managed, limit],
        "visibilityConfig": _visible(name),
    }


def log_group_name(cluster_name: str) -> str:
    """WAF writes to no log group whose name begins otherwise.

    https://docs.aws.amazon.com/waf/latest/developerguide/logging-cw-logs.html
    """
    return f"aws-waf-logs-{cluster_name}"


def log_properties(*, web_acl_arn: Any, log_group_arn: Any) -> dict[str, Any]:
    """Every request, but for what would let a reader of the log pass for its sender."""
    return {
        "resourceArn": web_acl_arn,
        "logDestinationConfigs": [log_group_arn],
        "redactedFields": [{"singleHeader": {"name": header}} for header in _REDACTED_HEADERS],
    }


def _managed(rules: str, priority: int, counted: str | None) -> dict[str, Any]:
    """counted: the rule of the group that shall count only."""
    group: dict[str, Any] = {"name": rules, "vendorName": "AWS"}
    if counted:
        group["ruleActionOverrides"] = [{"name": counted, "actionToUse": {"count": {}}}]
    return {
        "name": rules,
        "priority": priority,
        "overrideAction": {"none": {}},
        "statement": {"managedRuleGroupStatement": group},
        "visibilityConfig": _visible(rules),
    }


def _visible(name: str) -> dict[str, Any]:
    return {"cloudwatchMetricsEnabled": True, "metricName": name, "sampledRequestsEnabled": True}

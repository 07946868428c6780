"""The web ACL in front of the ALB, as the properties of Pulumi's `aws:wafv2/webAcl:WebAcl`."""

from __future__ import annotations

from typing import Any

# AWS's own rule groups; each blocks as AWS ships it. Prices: both are free of extra charge.
_MANAGED_RULES: tuple[str, ...] = ("AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet")

# Requests of one client address in five minutes: far above a person, below what keeps a gateway pod busy.
_RATE_LIMIT = 2000
_RATE_WINDOW_SECONDS = 300


def web_acl_properties(name: str) -> dict[str, Any]:
    """A regional web ACL: AWS's common rules and known bad inputs, and a limit per client address."""
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
        "rules": [*(_managed(rules, priority) for priority, rules in enumerate(_MANAGED_RULES)), limit],
        "visibilityConfig": _visible(name),
    }


def _managed(rules: str, priority: int) -> dict[str, Any]:
    return {
        "name": rules,
        "priority": priority,
        "overrideAction": {"none": {}},
        "statement": {"managedRuleGroupStatement": {"name": rules, "vendorName": "AWS"}},
        "visibilityConfig": _visible(rules),
    }


def _visible(name: str) -> dict[str, Any]:
    return {"cloudwatchMetricsEnabled": True, "metricName": name, "sampledRequestsEnabled": True}

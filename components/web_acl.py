"""The web ACL in front of the ALB, where the stack asks for a WAF and names none of its own."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

# AWS's own rule groups; each blocks as AWS ships it. Prices: both are free of extra charge.
_MANAGED_RULES: tuple[str, ...] = ("AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet")

# Requests of one client address in five minutes: far above a person, below what keeps a gateway pod busy.
_RATE_LIMIT = 2000
_RATE_WINDOW_SECONDS = 300


def web_acl(name: str, *, opts: pulumi.ResourceOptions) -> aws.wafv2.WebAcl:
    """A regional web ACL: AWS's common rules and known bad inputs, and a limit per client address."""
    limit = aws.wafv2.WebAclRuleArgs(
        name="rate-limit",
        priority=len(_MANAGED_RULES),
        action=aws.wafv2.WebAclRuleActionArgs(block=aws.wafv2.WebAclRuleActionBlockArgs()),
        statement=aws.wafv2.WebAclRuleStatementArgs(
            rate_based_statement=aws.wafv2.WebAclRuleStatementRateBasedStatementArgs(
                aggregate_key_type="IP", limit=_RATE_LIMIT, evaluation_window_sec=_RATE_WINDOW_SECONDS
            )
        ),
        visibility_config=_visible("rate-limit"),
    )
    return aws.wafv2.WebAcl(
        name,
        scope="REGIONAL",
        default_action=aws.wafv2.WebAclDefaultActionArgs(allow=aws.wafv2.WebAclDefaultActionAllowArgs()),
        rules=[*(_managed(rules, priority) for priority, rules in enumerate(_MANAGED_RULES)), limit],
        visibility_config=aws.wafv2.WebAclVisibilityConfigArgs(
            cloudwatch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
        ),
        opts=opts,
    )


def _managed(rules: str, priority: int) -> aws.wafv2.WebAclRuleArgs:
    return aws.wafv2.WebAclRuleArgs(
        name=rules,
        priority=priority,
        override_action=aws.wafv2.WebAclRuleOverrideActionArgs(none=aws.wafv2.WebAclRuleOverrideActionNoneArgs()),
        statement=aws.wafv2.WebAclRuleStatementArgs(
            managed_rule_group_statement=aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementArgs(
                name=rules, vendor_name="AWS"
            )
        ),
        visibility_config=_visible(rules),
    )


def _visible(name: str) -> aws.wafv2.WebAclRuleVisibilityConfigArgs:
    return aws.wafv2.WebAclRuleVisibilityConfigArgs(
        cloudwatch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
    )

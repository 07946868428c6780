"""MR507: The DNS firewall fails closed and blocks what it does not list."""

from __future__ import annotations

from collections.abc import Iterator

from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack

_CONFIG = "aws:route53/resolverFirewallConfig:ResolverFirewallConfig"
_ASSOCIATION = "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation"
_RULE = "aws:route53/resolverFirewallRule:ResolverFirewallRule"


@rule(
    "MR507",
    "Egress",
    title="The DNS firewall fails closed and blocks what it does not list.",
    why="With fail-open it answers every name when it is impaired; with ALERT it writes down what left.",
    source="https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-dns-firewall-vpc-configuration.html; "
    "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-dns-firewall-rule-actions.html",
    severity="high",
    remedy="firewallFailOpen DISABLED, mutationProtection ENABLED, actions ALLOW and BLOCK only.",
    about=(_CONFIG, _ASSOCIATION, _RULE),
)
def dns_fails_closed(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    name, allowed = {
        _CONFIG: ("firewallFailOpen", ("DISABLED",)),
        _ASSOCIATION: ("mutationProtection", ("ENABLED",)),
        _RULE: ("action", ("ALLOW", "BLOCK")),
    }[resource.type]
    if resource.type == _ASSOCIATION and not stack.settings.cluster.deletion_protection:
        return  # a stack that is meant to be destroyed; of production MR707 says so
    if resource.at(name) not in allowed:
        yield Flaw(field=name, value=shown(resource.at(name)))

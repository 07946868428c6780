"""The VPC's resolver answers for the stack's own names and says of every other one that it does not exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from configuration.settings import Settings
from manifests.allowed_names import allowed_names

_ALLOWED_FIRST, _THE_REST = 10, 20
# From 100 to 9900, and 100 is reserved all the same (RSLVR-00000). Early: of several groups the first to match decides.
_PRIORITY = 101


@dataclass(frozen=True, kw_only=True)
class DnsFirewallArgs:
    settings: Settings
    vpc_id: pulumi.Input[str]
    after: Sequence[pulumi.Resource]
    """The nodes' way out of the VPC (`Network.ready`)."""


class DnsFirewall(pulumi.ComponentResource):
    ready: tuple[pulumi.Resource, ...]
    """The firewall in force, for whatever asks a name in the VPC: a node has no moment without it, and its bootstrap
    asks for listed names only. Without the setting what it comes after."""

    def __init__(self, name: str, args: DnsFirewallArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mesh:dns_firewall:DnsFirewall", name, None, opts)
        self._args = args
        self._cluster = args.settings.cluster
        if args.settings.network.dns_firewall is None:
            self.ready = tuple(args.after)
        elif args.settings.network.existing:
            # How the VPC's resolver fails, and what it logs of others, is its owner's to say.
            self.ready = (self._association(),)
        else:
            self.ready = (self._association(), self._failing_closed())
            self._query_log()
        self.register_outputs({})

    def _child(self, *depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(depends_on))

    def _tags(self, name: str) -> dict[str, str]:
        return {"Name": f"{self._cluster.name}-{name}"}

    def _domain_list(self, name: str, domains: list[str]) -> aws.route53.ResolverFirewallDomainList:
        return aws.route53.ResolverFirewallDomainList(
            name, domains=domains, tags=self._tags(f"dns-{name}"), opts=self._child()
        )

    def _rules(self) -> tuple[aws.route53.ResolverFirewallRuleGroup, pulumi.Resource]:
        """The rule group, and the last of its rules."""
        group = aws.route53.ResolverFirewallRuleGroup("names", tags=self._tags("dns-names"), opts=self._child())
        allowed = self._domain_list("allowed", [found.name for found in allowed_names(self._args.settings)])
        # Without a query type a rule is for all of them: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/
        # resolver-dns-firewall-rule-settings.html
        allow = aws.route53.ResolverFirewallRule(
            "allow",
            firewall_rule_group_id=group.id,
            firewall_domain_list_id=allowed.id,
            priority=_ALLOWED_FIRST,
            action="ALLOW",
            # The default inspects each name of a chain of CNAMEs, and those behind a declared host are its owner's to
            # change: https://docs.aws.amazon.com/Route53/latest/APIReference/API_route53resolver_FirewallRule.html
            firewall_domain_redirection_action="TRUST_REDIRECTION_DOMAIN",
            opts=self._child(),
        )
        block = aws.route53.ResolverFirewallRule(
            "block",
            firewall_rule_group_id=group.id,
            firewall_domain_list_id=self._domain_list("everything", ["*"]).id,
            priority=_THE_REST,
            action="BLOCK",
            # Not NODATA: musl would take a name of the search path for the answer, and not ask for the declared one.
            block_response="NXDOMAIN",
            # Only once the others are allowed.
            opts=self._child(allow),
        )
        return group, block

    def _association(self) -> pulumi.Resource:
        group, last = self._rules()
        # Protected, it can be neither changed nor removed (RSLVR-02307): a destroy would end here with the cluster gone
        # if the cluster's own protection did not stop it before. An existing cluster has none of ours.
        protected = self._cluster.deletion_protection and not self._cluster.existing
        return aws.route53.ResolverFirewallRuleGroupAssociation(
            "vpc",
            firewall_rule_group_id=group.id,
            vpc_id=self._args.vpc_id,
            priority=_PRIORITY,
            mutation_protection="ENABLED" if protected else "DISABLED",
            tags=self._tags("dns-names"),
            opts=self._child(last, *self._args.after),
        )

    def _failing_closed(self) -> pulumi.Resource:
        # AWS's default, said: a resolver that answers everything while its firewall fails is a way out for whoever
        # waits. What it costs: names are SERVFAIL then, and CoreDNS has those of the last half minute.
        # https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-dns-firewall-vpc-configuration.html
        return aws.route53.ResolverFirewallConfig(
            "vpc", resource_id=self._args.vpc_id, firewall_fail_open="DISABLED", opts=self._child()
        )

    def _query_log(self) -> None:
        """Who asked for what was refused, and for what was not; a question answered from a cache is not logged again
        (https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-query-logs.html)."""
        group = aws.cloudwatch.LogGroup(
            "dns-queries",
            name=f"/aws/vpc/{self._cluster.name}/dns-queries",
            retention_in_days=self._args.settings.network.flow_log_retention_days,
            opts=self._child(),
        )
        # The group's resource policy is AWS's own doing, by the right logs:PutResourcePolicy of whoever runs this:
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-CWL.html
        log = aws.route53.ResolverQueryLogConfig(
            "dns-queries", destination_arn=group.arn, tags=self._tags("dns-queries"), opts=self._child()
        )
        aws.route53.ResolverQueryLogConfigAssociation(
            "dns-queries", resolver_query_log_config_id=log.id, resource_id=self._args.vpc_id, opts=self._child()
        )

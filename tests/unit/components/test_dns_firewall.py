"""The resolver's firewall: its rules, its reach, and what comes after it."""

from __future__ import annotations

import functools
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components.dns_firewall import DnsFirewall, DnsFirewallArgs
from manifests.allowed_names import allowed_names
from tests.unit.components.recording import Recording, key_of, known, run
from tests.unit.configuration.bad_settings import put, stack
from tests.unit.configuration.test_settings import read

COMPONENT = "mesh:dns_firewall:DnsFirewall::dns-firewall"
PREFIX = "aws:route53/resolver"
GROUP = f"{PREFIX}FirewallRuleGroup:ResolverFirewallRuleGroup::names"
ALLOWED = f"{PREFIX}FirewallDomainList:ResolverFirewallDomainList::allowed"
EVERYTHING = f"{PREFIX}FirewallDomainList:ResolverFirewallDomainList::everything"
ALLOW = f"{PREFIX}FirewallRule:ResolverFirewallRule::allow"
BLOCK = f"{PREFIX}FirewallRule:ResolverFirewallRule::block"
ASSOCIATION = f"{PREFIX}FirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation::vpc"
CONFIG = f"{PREFIX}FirewallConfig:ResolverFirewallConfig::vpc"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup::dns-queries"
LOG = f"{PREFIX}QueryLogConfig:ResolverQueryLogConfig::dns-queries"
LOGGED = f"{PREFIX}QueryLogConfigAssociation:ResolverQueryLogConfigAssociation::dns-queries"
WAY_OUT = "aws:ec2/tag:Tag::way-out"
EXISTING = {
    "existing": {
        "vpcId": "vpc-0123456789abcdef0",
        "privateSubnetIds": ["subnet-00000001", "subnet-00000002"],
        "publicSubnetIds": ["subnet-00000003", "subnet-00000004"],
    }
}
OWN = {"cidr": "10.20.0.0/16", "zones": ["eu-west-1a", "eu-west-1b"], "flowLogRetentionDays": 14}


@functools.cache  # a recording is only read
def record(*, preview: bool, firewall: bool = True, existing_vpc: bool = False, **cluster: Any) -> Recording:
    tree = stack()
    whole = {"wholeVpc": True} if existing_vpc else {}
    put("network", {**(EXISTING if existing_vpc else OWN), **({"dnsFirewall": whole} if firewall else {})})(tree)
    there = cluster.pop("there", None)
    tree["cluster"] |= {"name": "mesh-dev", **cluster, **({} if there is None else {"existing": dict(there)})}
    settings = read(tree)

    def program() -> dict[str, Any]:
        in_account = pulumi.ResourceOptions(providers={"aws": aws.Provider("aws", region="eu-west-1")})
        provider = in_account.providers
        assert isinstance(provider, dict)
        opts = pulumi.ResourceOptions(provider=provider["aws"])
        way_out = aws.ec2.Tag("way-out", resource_id="subnet-00000001", key="a", value="b", opts=opts)
        component = DnsFirewall(
            "dns-firewall",
            DnsFirewallArgs(settings=settings, vpc_id="vpc-1", after=[way_out]),
            in_account,
        )
        ready = pulumi.Output.all(*[resource.urn for resource in component.ready])
        return {"ready": ready.apply(lambda urns: [key_of(urn) for urn in urns])}

    return run(program, preview=preview)


def test_without_the_setting_nothing_is_made_and_nobody_waits(preview: bool) -> None:
    recording = record(preview=preview, firewall=False)
    assert recording.children(COMPONENT) == ()
    assert record(preview=False, firewall=False).returned == {"ready": [WAY_OUT]}


def test_it_consists_of_exactly_these_resources_of_the_explicit_provider(preview: bool) -> None:
    recording = record(preview=preview)
    made = {GROUP, ALLOWED, EVERYTHING, ALLOW, BLOCK, ASSOCIATION, CONFIG, LOG_GROUP, LOG, LOGGED}
    assert set(recording.children(COMPONENT)) == made
    assert {recording[key].provider for key in made} == {"aws"}
    assert recording[COMPONENT].parent == "", "the stack"


def test_the_stacks_names_are_allowed_and_every_other_one_does_not_exist(preview: bool) -> None:
    recording = record(preview=preview)
    assert recording[ALLOWED].inputs["domains"][0] == "api.stripe.com"
    assert recording[ALLOW].inputs == {
        "action": "ALLOW",
        "firewallDomainListId": known("allowed-id", preview),
        "firewallDomainRedirectionAction": "TRUST_REDIRECTION_DOMAIN",
        "firewallRuleGroupId": known("names-id", preview),
        "priority": 10,
    }
    assert recording[EVERYTHING].inputs["domains"] == ["*"]
    assert recording[BLOCK].inputs == {
        "action": "BLOCK",
        "blockResponse": "NXDOMAIN",
        "firewallDomainListId": known("everything-id", preview),
        "firewallRuleGroupId": known("names-id", preview),
        "priority": 20,
    }


def test_the_list_is_the_one_that_the_settings_give() -> None:
    settings = read(stack())
    domains = record(preview=False)[ALLOWED].inputs["domains"]
    assert domains == [found.name for found in allowed_names(settings)]


def test_it_is_on_the_vpc_with_both_rules_at_once_and_before_whatever_comes_after_it(preview: bool) -> None:
    recording = record(preview=preview)
    assert recording[ASSOCIATION].inputs == {
        "firewallRuleGroupId": known("names-id", preview),
        "mutationProtection": "ENABLED",
        "priority": 101,
        "tags": {"Name": "mesh-dev-dns-names"},
        "vpcId": "vpc-1",
    }
    assert {ALLOW, BLOCK, ALLOWED, EVERYTHING, WAY_OUT} <= recording.needs(ASSOCIATION)
    assert ALLOW in recording[BLOCK].depends_on, "a rule that blocks all, alone, would stop whoever is there already"
    assert record(preview=False).returned == {"ready": [ASSOCIATION, CONFIG]}


def test_when_it_fails_no_name_is_looked_up(preview: bool) -> None:
    assert record(preview=preview)[CONFIG].inputs == {"firewallFailOpen": "DISABLED", "resourceId": "vpc-1"}


def test_what_is_asked_is_logged_as_long_as_the_vpcs_flows(preview: bool) -> None:
    recording = record(preview=preview)
    assert recording[LOG_GROUP].inputs == {"name": "/aws/vpc/mesh-dev/dns-queries", "retentionInDays": 14}
    assert recording[LOG].property_dependencies["destinationArn"] == (LOG_GROUP,)
    assert recording[LOGGED].inputs == {
        "resolverQueryLogConfigId": known("dns-queries-id", preview),
        "resourceId": "vpc-1",
    }


def test_of_an_existing_vpc_neither_the_failure_mode_nor_the_log_is_touched(preview: bool) -> None:
    recording = record(preview=preview, existing_vpc=True)
    assert set(recording.children(COMPONENT)) == {GROUP, ALLOWED, EVERYTHING, ALLOW, BLOCK, ASSOCIATION}
    assert record(preview=False, existing_vpc=True).returned == {"ready": [ASSOCIATION]}


@pytest.mark.parametrize(
    ("cluster", "protection"),
    [({}, "ENABLED"), ({"deletionProtection": False}, "DISABLED"), ({"there": ()}, "DISABLED")],
    ids=["protected", "unprotected", "existing"],
)
def test_it_can_be_removed_when_the_cluster_can(cluster: dict[str, Any], protection: str) -> None:
    recording = record(preview=False, existing_vpc="there" in cluster, **cluster)
    assert recording[ASSOCIATION].inputs["mutationProtection"] == protection

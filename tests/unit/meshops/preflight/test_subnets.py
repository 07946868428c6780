"""The subnets the load balancer controller would choose: its rule as cases, and the check over a VPC in moto."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from configuration.settings import Settings
from meshops.checks.model import Unavailable, Verdict
from meshops.preflight.aws import Subnet, Vpc
from meshops.preflight.subnets import Demand, check, decide
from tests.unit.meshops.preflight.preflight_stack import settings_of

ALB = Demand(cluster="mesh-test", scheme="internet-facing", zones=2)
ROLE = {"kubernetes.io/role/elb": "1"}
OURS = {"kubernetes.io/cluster/mesh-test": "shared"}
THEIRS = {"kubernetes.io/cluster/neighbour": "shared"}


def subnet(
    id_: str, tags: dict[str, str], zone: str = "a", *, free: int = 27, locale: str = "availability-zone"
) -> Subnet:
    return Subnet(
        id=f"subnet-{id_}",
        zone=f"eu-west-1{zone}",
        locale=locale,
        cidr="10.0.0.0/27",
        free_addresses=free,
        tags=tags,
    )


def reasons(*subnets: Subnet, demand: Demand = ALB) -> dict[str, str]:
    """subnet -> `chosen`, or why not."""
    return {d.subnet.id: "chosen" if d.chosen else d.reason for d in decide(subnets, demand)}


def verdict(*subnets: Subnet, settings: Settings | None = None, cluster_vpc_id: str | None = "vpc-1") -> Verdict:
    vpc = Vpc(id="vpc-1", found_by="the cluster mesh-test", cluster_vpc_id=cluster_vpc_id, subnets=subnets)
    return check(settings or settings_of(scheme="internet-facing"), vpc)


@pytest.mark.parametrize("value", ["1", ""])
def test_the_role_tag_counts_with_the_value_1_or_empty(value: str) -> None:
    assert reasons(subnet("1", {"kubernetes.io/role/elb": value})) == {"subnet-1": "chosen"}


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({}, "no tag kubernetes.io/role/elb"),
        ({"kubernetes.io/role/internal-elb": "1"}, "no tag kubernetes.io/role/elb"),
        ({"kubernetes.io/role/elb": "true"}, 'kubernetes.io/role/elb is "true", not "1"'),
        ({**ROLE, **THEIRS}, "tagged for neighbour only, not for mesh-test"),
        (
            {**ROLE, **THEIRS, "kubernetes.io/cluster/another": "owned"},
            "tagged for another, neighbour only, not for mesh-test",
        ),
    ],
)
def test_a_subnet_is_passed_over_for_its_tags(tags: dict[str, str], reason: str) -> None:
    assert reasons(subnet("1", tags)) == {"subnet-1": reason}


@pytest.mark.parametrize("tags", [{}, OURS, {**OURS, **THEIRS}, {"kubernetes.io/cluster/mesh-test": "whatever"}])
def test_a_subnet_is_open_to_this_cluster_unless_it_is_tagged_for_others_only(tags: dict[str, str]) -> None:
    assert reasons(subnet("1", {**ROLE, **tags})) == {"subnet-1": "chosen"}


def test_an_internal_load_balancer_goes_by_the_internal_tag() -> None:
    internal = replace(ALB, scheme="internal")
    answer = reasons(subnet("1", ROLE), subnet("2", {"kubernetes.io/role/internal-elb": "1"}), demand=internal)
    assert answer == {"subnet-1": "no tag kubernetes.io/role/internal-elb", "subnet-2": "chosen"}


def test_seven_free_addresses_are_too_few_and_eight_are_enough() -> None:
    assert reasons(subnet("1", ROLE, free=7), subnet("2", ROLE, "b", free=8)) == {
        "subnet-1": "7 free addresses, 8 needed",
        "subnet-2": "chosen",
    }


def test_of_one_zone_the_subnet_with_this_clusters_tag_wins_over_a_lower_id() -> None:
    assert reasons(subnet("1", ROLE), subnet("2", {**ROLE, **OURS})) == {
        "subnet-1": "one per zone: subnet-2 carries kubernetes.io/cluster/mesh-test",
        "subnet-2": "chosen",
    }


def test_of_one_zone_the_lowest_id_wins_among_equals_in_whatever_order_they_come() -> None:
    three = [subnet(id_, {**ROLE, **OURS}) for id_ in ("b", "a", "c")]
    for order in itertools.permutations(three):
        assert reasons(*order) == {
            "subnet-a": "chosen",
            "subnet-b": "one per zone: subnet-a has the lower id",
            "subnet-c": "one per zone: subnet-a has the lower id",
        }


def test_a_full_subnet_does_not_win_its_zone() -> None:
    answer = reasons(subnet("1", {**ROLE, **OURS}, free=3), subnet("2", ROLE))
    assert answer == {"subnet-1": "3 free addresses, 8 needed", "subnet-2": "chosen"}


def test_two_zones_pass() -> None:
    found = verdict(subnet("1", ROLE, "a"), subnet("2", ROLE, "b"))
    assert (found.status, found.finding) == ("pass", "2 subnets, one each in eu-west-1a, eu-west-1b.")
    assert found.table is not None
    assert [row[:3] for row in found.table.rows] == [
        ("chosen", "eu-west-1a", "subnet-1"),
        ("chosen", "eu-west-1b", "subnet-2"),
    ]


def test_one_zone_is_too_few_for_an_alb_and_enough_for_an_nlb() -> None:
    two = (subnet("1", ROLE, "a"), subnet("2", ROLE, "a"))
    assert (verdict(*two).status, verdict(*two).finding) == (
        "fail",
        "1 zone of the 2 needed: the load balancer cannot be created.",
    )
    assert verdict(*two, settings=settings_of(scheme="internet-facing", entries=["nlb"], hosts=())).status == "pass"


def test_the_remedy_for_a_vpc_tagged_for_another_cluster_is_to_add_a_tag_and_keep_the_others() -> None:
    found = verdict(subnet("1", {**ROLE, **THEIRS}, "a"), subnet("2", {**ROLE, **THEIRS}, "b"))
    assert found.status == "fail"
    assert found.remedy == (
        "Add kubernetes.io/cluster/mesh-test=shared to subnet-1, subnet-2, keeping the tags of the other clusters: "
        "a subnet tagged for some clusters is closed to all others."
    )


def test_the_remedy_for_full_subnets_is_room() -> None:
    found = verdict(subnet("1", ROLE, "a", free=2), subnet("2", ROLE, "b", free=2))
    assert found.status == "fail"
    assert found.remedy.startswith("Free addresses in subnet-1, subnet-2")


def test_a_vpc_without_role_tags_fails_although_the_controller_would_guess() -> None:
    found = verdict(subnet("1", {}, "a"), subnet("2", {}, "b"))
    assert found.status == "fail"
    assert found.remedy == "Tag one subnet in each of at least 2 zones with kubernetes.io/role/elb=1."
    assert any("guess by route tables" in detail for detail in found.evidence)


def test_a_local_zone_among_the_chosen_is_refused() -> None:
    found = verdict(subnet("1", ROLE, "a"), subnet("2", ROLE, "b"), subnet("3", ROLE, "c", locale="local-zone"))
    assert (found.status, found.finding) == (
        "fail",
        "The chosen subnets lie in different kinds of zone (availability-zone, local-zone): it would be refused.",
    )


def test_a_cluster_in_another_vpc_than_the_settings_name_fails() -> None:
    found = verdict(subnet("1", ROLE, "a"), subnet("2", ROLE, "b"), cluster_vpc_id="vpc-2")
    assert (found.status, found.finding) == ("fail", "The cluster is in vpc-2, the stack's settings name vpc-1.")


def test_a_vpc_that_could_not_be_read_is_unknown_and_keeps_its_reason() -> None:
    found = check(settings_of(), Unavailable(reason="AWS said no", remedy="Ask for a role."))
    assert found == Verdict(status="unknown", finding="AWS said no", remedy="Ask for a role.")

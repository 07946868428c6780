"""A VPC that somebody else owns: its named subnets get the missing tags, and nothing else happens to it."""

from __future__ import annotations

from configuration.network import ExistingNetwork
from configuration.network import Network as NetworkSettings
from tests.unit.components.test_network import CLUSTER_TAGS, record

EXISTING = NetworkSettings(
    existing=ExistingNetwork(
        vpc_id="vpc-0123456789abcdef0",
        private_subnet_ids=("subnet-00000001", "subnet-00000002"),
        public_subnet_ids=("subnet-00000003",),
    ),
    shared_with_clusters=("legacy",),
)


def test_of_an_existing_vpc_nothing_but_tags_is_made(preview: bool) -> None:
    recording = record(EXISTING, preview=preview)
    tags = recording.of_type("aws:ec2/tag:Tag")
    assert len(recording.resources) == len(tags) + 2, "the provider and the component"
    roles = {
        "subnet-00000001": "kubernetes.io/role/internal-elb",
        "subnet-00000002": "kubernetes.io/role/internal-elb",
        "subnet-00000003": "kubernetes.io/role/elb",
    }
    assert {name: tag.inputs for name, tag in tags.items()} == {
        f"{subnet}/{key}": {"resourceId": subnet, "key": key, "value": value}
        for subnet, role in roles.items()
        for key, value in {role: "1", **CLUSTER_TAGS}.items()
    }


def test_a_destroy_takes_only_our_own_clusters_tag_off_the_subnets_of_others(preview: bool) -> None:
    tags = record(EXISTING, preview=preview).of_type("aws:ec2/tag:Tag")
    assert {tag.inputs["key"] for tag in tags.values() if not tag.retain_on_delete} == {
        "kubernetes.io/cluster/mesh-dev"
    }


def test_the_range_of_an_existing_vpc_is_looked_up_by_the_explicit_provider() -> None:
    recording = record(EXISTING, preview=False)
    assert [(call.token, call.arguments, call.provider) for call in recording.calls] == [
        ("aws:ec2/getVpc:getVpc", {"id": "vpc-0123456789abcdef0"}, "aws")
    ]
    assert recording.returned["vpc_cidr"] == "10.9.0.0/16"
    assert recording.returned["private_subnet_ids"] == ["subnet-00000001", "subnet-00000002"]
    assert len(recording.returned["ready"]) == 9, "a load balancer finds no subnet before its tags are there"

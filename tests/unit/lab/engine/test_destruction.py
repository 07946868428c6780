"""The order of a destroy: the worst that the dependencies allow."""

from __future__ import annotations

import functools

import pytest

from lab.engine.destruction import order
from lab.paths import PROGRAM
from meshops.plan import plan as planning
from offline.registration import Registration

INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
RELEASE = "kubernetes:helm.sh/v3:Release"


def made(
    name: str, *depends_on: str, type_: str = "aws:ec2/vpc:Vpc", deleted_with: str = "", retained: bool = False,
    parent: str = "", provider: str = "", custom: bool = True, read_id: str = "",
) -> Registration:  # fmt: skip
    return Registration(
        urn=name, type=type_, name=name, parent=parent, provider=provider, depends_on=depends_on,
        property_dependencies={}, inputs={}, custom=custom, deleted_with=deleted_with, retain_on_delete=retained,
        read_id=read_id,
    )  # fmt: skip


def names(*registrations: Registration) -> list[str]:
    return [each.name for each in order(registrations)]


def test_what_others_depend_on_would_go_under_their_feet() -> None:
    assert names(made("vpc"), made("subnet", "vpc"), made("nodes", "subnet")) == ["nodes", "subnet", "vpc"]


def test_a_parent_and_a_provider_stay_until_the_last_of_theirs_is_gone() -> None:
    provider, component = (
        made("provider", "ground", type_="pulumi:providers:kubernetes"),
        made("component", "shelf", custom=False),
    )
    inside = made("inside", parent="component", provider="provider::id")
    assert names(made("ground"), made("shelf"), provider, component, inside) == ["inside", "shelf", "ground"]


def test_the_account_goes_as_early_and_the_ingress_as_late_as_nothing_forbids() -> None:
    assert names(made("vpc"), made("ingress", type_=INGRESS), made("release", type_=RELEASE)) == [
        "vpc",
        "release",
        "ingress",
    ]


def test_what_goes_with_another_is_retained_or_only_read_is_not_deleted_and_still_holds_what_it_needs() -> None:
    cluster, read = made("cluster"), made("read", read_id="vpc-1")
    inside = made("inside", "identity", type_=RELEASE, deleted_with="cluster")
    kept = made("kept", "identity", retained=True)
    assert names(cluster, made("identity"), read, inside, kept) == ["identity", "cluster"]


@functools.cache
def steps(stack: str) -> tuple[str, ...]:
    found = order(planning.make(stack, directory=PROGRAM).run.registrations)
    return tuple(f"{each.type.rpartition(':')[2]} {each.name}" for each in found)


@pytest.mark.parametrize("stack", ["dev", "prod", "lab"])
def test_a_load_balancer_goes_while_its_controller_can_still_reach_aws(stack: str) -> None:
    found = steps(stack)
    [ingress] = [position for position, step in enumerate(found) if step.startswith("Ingress ")]
    after = {step.split(" ")[0] for step in found[ingress:]}
    assert {"NodeGroup", "PodIdentityAssociation", "VpcEndpoint", "NatGateway", "Route", "Cluster", "Vpc"} <= after
    early = {step.split(" ")[0] for step in found[:ingress]}
    assert early.isdisjoint({"NodeGroup", "PodIdentityAssociation", "NatGateway", "Route", "RouteTableAssociation"})
    # On the way to AWS: the last of the endpoints, too.
    assert "VpcEndpoint" not in early


@pytest.mark.parametrize("stack", ["dev", "prod", "lab"])
def test_nothing_in_the_cluster_holds_a_destroy_up_but_what_has_a_counterpart_in_aws(stack: str) -> None:
    kinds = {step.split(" ")[0] for step in steps(stack)}
    assert "Ingress" in kinds
    assert kinds.isdisjoint({"Namespace", "Deployment", "AuthorizationPolicy", "CustomResourceDefinition"})

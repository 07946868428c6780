"""Every bad setting gives one clear message: path, value, rule, remedy; all of them at once."""

from __future__ import annotations

import copy
import dataclasses
import json

import pytest

from configuration.parsing import parse
from configuration.problems import Problem, SettingsError
from configuration.settings import PROJECT, Settings
from tests.unit.configuration.bad_adopted import BAD_ADOPTED, TAKEN
from tests.unit.configuration.bad_authentication import BAD_AUTHENTICATION, BAD_EGRESS
from tests.unit.configuration.bad_aws import BAD_AWS
from tests.unit.configuration.bad_leaving import BAD_LEAVING
from tests.unit.configuration.bad_settings import API, API_PATH, BAD, Stack, put, stack
from tests.unit.configuration.bad_workloads import BAD_WORKLOADS


def read(tree: Stack) -> Settings:
    return parse("test", {"aws:region": "eu-west-1", **{f"{PROJECT}:{key}": value for key, value in tree.items()}})


def problems(tree: Stack) -> tuple[Problem, ...]:
    with pytest.raises(SettingsError) as refusal:
        read(tree)
    return refusal.value.problems


def test_the_reference_stack_is_accepted_and_its_derived_values_follow() -> None:
    settings = read(stack())

    assert settings.mesh.revision() == "1-31-1"
    assert [application.identity for application in settings.namespaces[0].applications] == ["api-sa", "ui-sa"]
    assert settings.network.zone_names == ("eu-west-1a", "eu-west-1b")
    assert settings.load_balancer.ssl_policy == "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09"
    assert settings.cluster.deletion_protection is True, "protection is on unless somebody turns it off"


ALL_BAD = {**BAD, **BAD_AUTHENTICATION, **BAD_EGRESS, **BAD_LEAVING, **BAD_WORKLOADS, **BAD_AWS, **BAD_ADOPTED}


@pytest.mark.parametrize("name", ALL_BAD)
def test_a_bad_setting_is_named_with_its_rule_and_remedy(name: str) -> None:
    change, path, rule, remedy = ALL_BAD[name]
    tree = stack()
    change(tree)

    found = problems(tree)

    assert [problem.path for problem in found] == [path], f"exactly this setting is refused, not {found}"
    assert rule in found[0].rule
    assert remedy in found[0].remedy


@pytest.mark.parametrize("name", TAKEN)
def test_what_somebody_else_deploys_is_taken_as_it_is(name: str) -> None:
    tree = stack()
    TAKEN[name](tree)
    assert read(tree).namespaces


def test_every_problem_of_a_stack_is_reported_at_once() -> None:
    tree = stack()
    names = (
        "host bits in a CIDR",
        "a zone of another region",
        "a malformed cluster name",
        "min above desired",
        "an unknown ssl policy",
        "a caller that does not exist",
        "a wildcard egress host",
        "a host outside the certificate",
        "a reserved namespace",
        "an unknown section",
    )
    for name in names:
        BAD[name][0](tree)

    assert {problem.path for problem in problems(tree)} == {BAD[name][1] for name in names}


def test_a_refused_value_causes_no_second_complaint_about_what_depends_on_it() -> None:
    tree = stack()
    put("loadBalancer.domain", "*.example.com")(tree)
    put("namespaces.0.name", "kube-system")(tree)

    assert [problem.path for problem in problems(tree)] == ["loadBalancer.domain", "namespaces[kube-system].name"]


def test_a_section_that_lacks_something_and_has_something_else_takes_nothing_around_it_along() -> None:
    tree = stack()
    put("loadBalancer.accessLogs", {"buckets": "logs"})(tree)

    assert [problem.path for problem in problems(tree)] == [
        "loadBalancer.accessLogs.bucket",
        "loadBalancer.accessLogs.buckets",
    ]


def test_the_message_shows_path_value_rule_and_remedy() -> None:
    tree = stack()
    put("network.cidr", "10.20.0.1/16")(tree)

    with pytest.raises(SettingsError) as refusal:
        read(tree)

    assert str(refusal.value) == (
        "Stack 'test': 1 setting refused; nothing was created.\n"
        '  network.cidr = "10.20.0.1/16"\n'
        "    rule:   A CIDR must not have host bits set: AWS would silently take another network than the one "
        "written.\n"
        '    remedy: Write "10.20.0.0/16".'
    )


def test_overlapping_and_outlying_subnets_are_refused() -> None:
    tree = stack()
    tree["network"] = {
        "cidr": "10.20.0.0/20",
        "subnets": [
            {"zone": "eu-west-1a", "private": "10.20.0.0/22", "public": "10.20.2.0/24"},
            {"zone": "eu-west-1b", "private": "10.30.0.0/22", "public": "10.20.15.0/28"},
        ],
    }

    found = {problem.path: problem.rule for problem in problems(tree)}

    assert set(found) == {"network.subnets[0].public", "network.subnets[1].private", "network.subnets[1].public"}
    assert "overlaps network.subnets[0].private" in found["network.subnets[0].public"]
    assert "outside the VPC" in found["network.subnets[1].private"]
    assert "/27" in found["network.subnets[1].public"]


def test_duplicate_subnets_of_an_existing_vpc_are_refused() -> None:
    tree = stack()
    one, two = "subnet-0123456789abcdef0", "subnet-0123456789abcdef1"
    tree["network"] = {
        "existing": {"vpcId": "vpc-0123456789abcdef0", "privateSubnetIds": [one, two], "publicSubnetIds": [two]}
    }

    found = problems(tree)

    assert [(problem.path, problem.value) for problem in found] == [("network.existing", f'"{two}"')]
    assert "named twice" in found[0].rule


def test_a_cluster_that_is_not_there_before_has_nothing() -> None:
    tree = stack()
    put("cluster.existing", False)(tree)
    assert read(tree).cluster.existing is None
    assert not any(dataclasses.asdict(read(tree).cluster.provided).values())


def test_one_istiod_would_be_refused_in_the_words_that_document_it() -> None:
    tree = stack()
    put("mesh.pilot", {"maxReplicas": 1})(tree)
    (problem,) = problems(tree)
    assert (problem.path, problem.remedy) == (
        "mesh.pilot.minReplicas",
        "Set minReplicas to 1 too, or maxReplicas to 2 or more.",
    )
    for told in ({"maxReplicas": 1, "minReplicas": 1}, {"maxReplicas": 2}):
        put("mesh.pilot", told)(tree)
        assert read(tree).mesh.pilot.max_replicas == told["maxReplicas"]


def test_eks_own_policies_reach_the_platforms_namespaces_and_the_stacks() -> None:
    tree = stack()
    named = ["shop", "istio-system", "kube-system"]
    entry = {"principalArn": "arn:aws:iam::111122223333:role/a", "policy": "Admin", "namespaces": named}
    tree["cluster"]["access"].append(entry)
    assert read(tree).cluster.access[1].namespaces == tuple(named)


def test_a_plaintext_caller_of_a_strict_namespace_is_refused_and_of_a_permissive_one_is_not() -> None:
    tree = stack()
    tree["namespaces"].append(
        {
            "name": "outside",
            "phase": "outside",
            "applications": [{"name": "batch", "image": "registry.example.com/batch:1"}],
        }
    )
    put(f"{API}.callers.0.application", "outside/batch")(tree)

    assert [problem.path for problem in problems(copy.deepcopy(tree))] == [f"{API_PATH}.callers[0].application"]
    put("namespaces.0.phase", "permissive")(tree)
    assert read(tree).namespaces[0].phase == "permissive"


def test_structured_settings_arrive_as_the_engine_passes_them() -> None:
    settings = parse(
        "test",
        {
            "aws:region": "eu-west-1",
            "zero-trust-mesh:environment": "test",
            "zero-trust-mesh:network": '{"cidr": "10.20.0.0/16", "zones": ["eu-west-1a", "eu-west-1b"]}',
            "zero-trust-mesh:cluster": json.dumps({**stack()["cluster"], "nodeGroup": {"minSize": 2.0}}),
            "zero-trust-mesh:loadBalancer": stack()["loadBalancer"],
            "zero-trust-mesh:imageRegistry": "",
        },
    )

    assert settings.cluster.node_group.min_size == 2, "whole numbers arrive as floats"
    assert settings.image_registry is None, "the empty default of Pulumi.yaml means that none is set"


def test_malformed_json_is_refused_and_not_thrown() -> None:
    tree = stack()
    put("cluster", "{name: mesh")(tree)

    assert [problem.path for problem in problems(tree)] == ["cluster"]


def test_the_tree_that_is_read_is_not_changed() -> None:
    tree = stack()
    put("network.cidr", "10.20.0.1/16")(tree)
    before = copy.deepcopy(tree)

    problems(tree)

    assert tree == before

"""The load balancer controller's policy beside its own: a missing action ends in an Ingress without an address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from manifests.iam import load_balancer_controller
from manifests.images import Images
from manifests.load_balancer_controller import controller_values
from tests.unit.manifests.upstream_controller_policy import ANY, LEFT_OUT, STATEMENTS, VERSION, Statement
from versions import AWS_LOAD_BALANCER_CONTROLLER


@dataclass(frozen=True, kw_only=True)
class Grant:
    action: str
    resource: str
    condition: frozenset[tuple[str, str, str]]


def listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def conditions(statement: dict[str, Any]) -> frozenset[tuple[str, str, str]]:
    return frozenset(
        (operator, key, " ".join(listed(value)))
        for operator, keys in statement.get("Condition", {}).items()
        for key, value in keys.items()
    )


OURS: tuple[Grant, ...] = tuple(
    Grant(action=action, resource=resource, condition=conditions(statement))
    for statement in load_balancer_controller(region="eu-west-1", cluster_name="mesh-dev")["Statement"]
    for action in statement["Action"]
    for resource in listed(statement["Resource"])
)
UPSTREAM_ACTIONS = {action for statement in STATEMENTS for action in statement.actions}


def within(grant: Grant, upstream: Statement) -> bool:
    """Whether a grant of ours is one of this statement of upstream's, or a part of it."""
    resource = upstream.resources == ANY or any(below(grant.resource, wide) for wide in upstream.resources)
    return resource and all(implied(one, grant.condition) for one in upstream.condition)


def implied(wanted: tuple[str, str, str], ours: frozenset[tuple[str, str, str]]) -> bool:
    operator, key, value = wanted
    if (operator, value) == ("Null", "false"):  # the tag is there: so it is where its value is compared
        return any(other == key and op == "StringEquals" for op, other, _ in ours)
    if operator == "StringEquals":
        return any(other == key and set(given.split()) & set(value.split()) for op, other, given in ours)
    return wanted in ours


def below(resource: str, wide: str) -> bool:
    """`arn:aws:…:eu-west-1:*:loadbalancer/app/*` is what `arn:aws:…:*:*:loadbalancer/app/*/*` is, of one region."""
    return resource.replace(":eu-west-1:", ":*:").rstrip("/*") == wide.rstrip("/*")


def test_the_table_is_of_the_release_that_is_pinned_or_of_the_one_before() -> None:
    # Fails when the chart is upgraded: the table goes with it.
    assert (VERSION, AWS_LOAD_BALANCER_CONTROLLER) == ("v3.5.0", "3.6.0")


def test_every_action_of_the_controllers_own_policy_is_granted_or_left_out_for_a_reason() -> None:
    granted = {grant.action for grant in OURS}
    assert UPSTREAM_ACTIONS - granted == set(LEFT_OUT)
    assert granted - UPSTREAM_ACTIONS == set(), "and nothing that upstream does not grant"


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda one: f"{one.actions[0]} of {len(one.actions)}")
def test_no_statement_is_wider_than_upstreams_and_each_narrower_one_says_why(statement: Statement) -> None:
    for action in statement.actions:
        if action not in LEFT_OUT:
            assert any(grant.action == action and within(grant, statement) for grant in OURS), action
    assert statement.deviation


def test_everything_that_is_granted_lies_within_some_statement_of_upstreams() -> None:
    outside = [
        grant
        for grant in OURS
        if not any(grant.action in statement.actions and within(grant, statement) for statement in STATEMENTS)
    ]
    assert outside == []


def test_what_is_left_out_is_switched_off() -> None:
    values = controller_values(cluster_name="mesh-dev", region="eu-west-1", vpc_id="vpc-1", images=Images())
    assert (values["enableShield"], values["enableWaf"]) == (False, False)

"""The plan beside the engine: what holds is what the engine says the configuration is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from changes.comparison import DiffError
from policy.companion import Companion, config_of, earlier_plan, plan_beside
from tests.contract.stack_plans import plan_of
from tests.unit.policy.spoilt import Spoilt


def test_it_has_each_resource_of_the_plan_with_the_options_that_the_protocol_lacks() -> None:
    beside = plan_beside("prod", {})
    assert beside.registrations is not None
    assert list(beside.registrations) == [one.urn for one in plan_of("prod").run.registrations]
    deleted_with = {one.deleted_with for one in beside.registrations.values()}
    assert Spoilt("prod").find("eks:index:Cluster").urn in deleted_with
    assert beside.settings == plan_of("prod").settings


def test_what_the_engine_was_told_on_its_command_line_holds() -> None:
    settings = {"domain": "example.com", "hostedZoneId": "Z0123456789PRODEXAMPL", "entries": ["alb", "nlb"]}
    balancer = json.dumps({**settings, "allowedCidrs": ["10.0.0.0/8"], "deletionProtection": False})
    beside = plan_beside("prod", {"zero-trust-mesh:loadBalancer": balancer})
    assert beside.settings is not None
    assert not beside.settings.load_balancer.deletion_protection


@pytest.mark.parametrize("config", [{}, {"zero-trust-mesh:environment": "Prod!"}])
def test_a_stack_that_cannot_be_read_has_no_settings_rather_than_some(config: dict[str, str]) -> None:
    assert plan_beside("nowhere", config) == Companion()


def test_only_a_json_object_is_a_configuration() -> None:
    assert config_of('{"aws:region": "eu-west-1"}') == {"aws:region": "eu-west-1"}
    assert config_of("") == config_of("[]") == config_of("{") == {}


def test_a_base_that_is_no_plan_ends_the_pack(tmp_path: Path) -> None:
    assert earlier_plan("") is None
    with pytest.raises(DiffError, match="holds no plan"):
        earlier_plan(str(tmp_path))

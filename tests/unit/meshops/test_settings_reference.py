"""The documentation of the settings says what the settings are."""

from __future__ import annotations

import dataclasses

import yaml
from pydantic.alias_generators import to_camel

from configuration.settings import Settings
from meshops.plan.picture import topology
from meshops.settings_reference import reference
from tests import ROOT
from tests.contract.stack_plans import plan_of


def test_the_page_of_settings_is_the_one_that_the_types_give() -> None:
    assert (ROOT / "docs/settings.md").read_text().rstrip() == reference().rstrip(), "run `make docs`"


def test_the_picture_of_the_readme_is_the_one_that_the_plan_of_prod_draws() -> None:
    made = plan_of("prod")
    picture = topology.render(made.mesh, made.platform, title="Stack prod")

    assert (ROOT / "docs/plan-prod.svg").read_text() == picture, "run `make docs`"


def test_pulumi_yaml_documents_every_key_and_no_other() -> None:
    documented = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    keys = {to_camel(field.name) for field in dataclasses.fields(Settings)} - {"region", "profile", "allowedAccountIds"}

    assert set(documented) == keys
    assert all(entry["description"] for entry in documented.values())

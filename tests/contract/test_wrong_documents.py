"""Wrong documents are refused: by the API server, its schemas or the webhooks behind it, and offline by the plan."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from offline.registration import Registration
from tests.contract.wrong_documents import WRONG, Wrong
from tests.whole_lab import WholeLab
from validation.validate import validate

pytestmark = pytest.mark.timeout(1800)


def named(wrong: Wrong) -> str:
    return wrong.name


@pytest.mark.parametrize("wrong", WRONG, ids=named)
def test_the_api_server_refuses_it_and_says_why(whole_lab: WholeLab, wrong: Wrong) -> None:
    answer = whole_lab.dry_run(yaml.safe_dump(wrong.document))

    assert answer.returncode != 0, answer.stdout
    assert wrong.server in answer.stderr


@pytest.mark.parametrize("wrong", [wrong for wrong in WRONG if wrong.plan], ids=named)
def test_the_plan_refuses_it_and_names_the_field(wrong: Wrong) -> None:
    findings = validate([registration(wrong.document)])

    assert wrong.plan in {finding.field for finding in findings if wrong.document["kind"] in finding.subject}


def registration(document: dict[str, Any]) -> Registration:
    """As if the program had registered it."""
    kind, name = document["kind"], document["metadata"]["name"]
    return Registration(
        urn=f"urn:pulumi:test::zero-trust-mesh::kubernetes:{document['apiVersion']}:{kind}::{name}",
        type=f"kubernetes:{document['apiVersion']}:{kind}",
        name=name,
        parent="",
        provider="",
        depends_on=(),
        property_dependencies={},
        inputs=copy.deepcopy(document),
        custom=True,
    )

"""What leaves the mesh in a plan's summary: nobody would hear of a way out that is not there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshops.plan import plan
from meshops.plan.summary import render
from offline.stack_files import read_stack
from offline.values import revealed
from tests import ROOT

_NAMESPACES = "zero-trust-mesh:namespaces"


def summary(**billing: Any) -> str:
    """The part about what leaves, of prod with more of one application."""
    config = {key: revealed(value) for key, value in read_stack(ROOT, "prod").config.items()}
    namespaces = json.loads(str(config[_NAMESPACES]))
    application = namespaces[0]["applications"][0]
    assert application["name"] == "billing-api"
    application |= billing
    text = render(plan.make("prod", directory=ROOT, config={**config, _NAMESPACES: json.dumps(namespaces)}))
    return text[text.index("## What may leave the mesh") : text.index("## What the settings weaken")]


@pytest.fixture(scope="module")
def whole() -> str:
    return summary(
        egress=[
            {"cidr": "10.50.0.0/24", "port": 5432, "protocol": "TCP"},
            {"host": "orders.internal.example.com", "networks": ["10.61.0.0/24"]},
            {"host": "sts.eu-west-1.amazonaws.com"},
        ],
        awsPolicy=[{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::invoices/*"]}],
    )


@pytest.mark.parametrize(
    "row",
    [
        "| `secure-apps/billing-api` | `10.50.0.0/24` | TCP 5432 |",
        "| `secure-apps/billing-api` | 10.50.0.0/24 | TCP 5432 |",
        "| `secure-apps/billing-api` | 10.61.0.0/24 | TCP 443 |",
        # Where the endpoint of STS stands.
        "| `secure-apps/billing-api` | 10.40.0.0/19, 10.40.32.0/19, 10.40.64.0/19 | TCP 443 |",
        "| `secure-apps/billing-api-sa` | s3:GetObject | arn:aws:s3:::invoices/\\* |",
    ],
)
def test_a_way_out_would_not_stand_in_the_summary(whole: str, row: str) -> None:
    assert row in whole
    assert "cidr.invalid" not in whole, "a name that nobody knows"


def test_where_nothing_private_is_called_nothing_is_said_of_it() -> None:
    text = summary()
    assert "Of private addresses" not in text
    assert "identity in AWS" not in text

"""Findings of the policy pack that a stack lets stand: each by rule and resource, for a reason, until a day."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator

from configuration.problems import rejection
from configuration.section import section
from configuration.values import matching

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _day(value: Any) -> date:
    text = str(value)
    try:
        # fromisoformat takes weeks and bare digits too, which nobody reads as a day.
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise rejection("It must be a day of the calendar.", 'Write it as "2027-03-31".')


def said(value: Any) -> Any:
    """The project file's default is an empty mapping, which says nothing."""
    return None if value == {} else value


Day = Annotated[date, BeforeValidator(_day)]
Reason = Annotated[
    str,
    matching(
        r"\S.{8,300}\S",
        "A reason is a sentence of 10 to 300 characters: a reviewer must be able to judge it.",
        "Say why the finding may stand.",
    ),
]


@section
class Retirement:
    """The environment is about to be destroyed: until `until` the policy pack lets its protection be off (MR707), and
    names this among the weakenings. At most 31 days ahead."""

    until: Day
    """The last day on which it counts."""
    reason: Reason


@section
class PolicySuppression:
    """One finding of `make policy` that stands: it is shown with its reason, and is a finding again when it expires."""

    rule: Annotated[
        str,
        matching(r"MR\d{3}", "It must be the id of one rule of the policy pack.", "docs/policies.md lists them."),
    ]
    resource: Annotated[
        str,
        matching(
            r"\S(.{0,300}\S)?",
            "It must name one resource, as the report of `make policy` does.",
            'Write it as "Deployment shop/cart".',
        ),
    ]
    reason: Reason
    expires: Day
    """The last day on which it counts."""

"""Preflight: what AWS must already be like for this stack's load balancer to come up, looked at beforehand.

    results = run(settings, gather(settings, session), now=datetime.now(UTC))

Facts are gathered once (`preflight_facts`), the checks are pure over them, wording and effect are elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from configuration.settings import Settings
from meshops.checks.result import Check, Result, Verdict
from meshops.preflight import certificate, subnets
from meshops.preflight.aws import Facts


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """The circumstances of one run. now: with a time zone. minimum_days: what a certificate must have left."""

    now: datetime
    minimum_days: int = certificate.MINIMUM_DAYS


def _subnets(settings: Settings, facts: Facts, occasion: Occasion) -> Verdict:
    return subnets.check(settings, facts.vpc)


def _certificate(settings: Settings, facts: Facts, occasion: Occasion) -> Verdict:
    return certificate.check(settings, facts.certificates, now=occasion.now, minimum_days=occasion.minimum_days)


CHECKS: tuple[tuple[Check, Callable[[Settings, Facts, Occasion], Verdict]], ...] = (
    (subnets.CHECK, _subnets),
    (certificate.CHECK, _certificate),
)


def run(settings: Settings, facts: Facts, occasion: Occasion) -> tuple[Result, ...]:
    """Every check, in the order of `CHECKS`."""
    return tuple(Result(check=check, verdict=judge(settings, facts, occasion)) for check, judge in CHECKS)

"""Preflight: what AWS and the cluster must already be like for the next `up`, looked at beforehand.

Facts are gathered once (`meshops.preflight.aws`, `control_planes.read`); the checks are pure over them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from configuration.settings import Settings
from meshops.checks.model import NOT_ASKED, Check, Report, Result, Unavailable, Verdict
from meshops.checks.options import chosen
from meshops.preflight import access, adopted, certificate, control_planes, kubernetes, names, namespaces, subnets
from meshops.preflight.aws import Fact, Facts, look
from meshops.preflight.control_planes import Sidecar
from meshops.progress import Progress, Silent
from meshops.tools import Tools


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """The circumstances of one run. now: with a time zone. minimum_days: what a certificate must have left.

    sidecars, namespaces: the cluster's; of no meaning where there is no cluster yet.
    """

    now: datetime
    minimum_days: int = certificate.MINIMUM_DAYS
    sidecars: Sequence[Sidecar] | Unavailable = NOT_ASKED
    namespaces: Sequence[Mapping[str, Any]] | Unavailable = NOT_ASKED


@dataclass(frozen=True, kw_only=True)
class PreflightOptions:
    """endpoint_url: a stand-in for AWS. only: ids of checks, empty for all. minimum_days: of a certificate.

    tools: kubectl, and whose cluster it asks.
    """

    endpoint_url: str | None = None
    only: tuple[str, ...] = ()
    minimum_days: int = certificate.MINIMUM_DAYS
    tools: Tools = field(default_factory=Tools)


def _subnets(settings: Settings, facts: Facts, occasion: Occasion) -> Verdict:
    return subnets.check(settings, facts.vpc)


def _certificate(settings: Settings, facts: Facts, occasion: Occasion) -> Verdict:
    return certificate.check(settings, facts.certificates, now=occasion.now, minimum_days=occasion.minimum_days)


def _access(settings: Settings, facts: Facts, occasion: Occasion) -> Verdict:
    return access.check_access(settings, facts.caller)


def _endpoint(settings: Settings, facts: Facts, occasion: Occasion) -> Verdict:
    return access.check_endpoint(settings, facts.endpoint)


def _entries(settings: Settings, facts: Facts, occasion: Occasion) -> Verdict:
    return access.check_entries(settings, facts.entries)


def _adopted(judge: adopted.Judge) -> Callable[[Settings, Facts, Occasion], Verdict]:
    return lambda settings, facts, occasion: adopted.check(judge, settings, facts.contents)


def _zone(settings: Settings, facts: Facts, occasion: Occasion) -> Verdict:
    return names.check_zone(settings, facts.zone)


def _records(settings: Settings, facts: Facts, occasion: Occasion) -> Verdict:
    return names.check_records(settings, facts.zone)


def _control_planes(settings: Settings, facts: Facts, occasion: Occasion) -> Verdict:
    return control_planes.check(settings, facts.endpoint, occasion.sidecars)


def _namespaces(settings: Settings, facts: Facts, occasion: Occasion) -> Verdict:
    return namespaces.check(settings, facts.endpoint, occasion.namespaces)


def _kubernetes(settings: Settings, facts: Facts, occasion: Occasion) -> Verdict:
    return kubernetes.check_version(settings, facts.kubernetes, now=occasion.now)


_JUDGES: tuple[tuple[Check, Fact, Callable[[Settings, Facts, Occasion], Verdict]], ...] = (
    (subnets.CHECK, "vpc", _subnets),
    (certificate.CHECK, "certificates", _certificate),
    (access.ACCESS, "caller", _access),
    (access.ENDPOINT, "endpoint", _endpoint),
    (access.ENTRIES, "entries", _entries),
    *((check, "contents", _adopted(judge)) for check, judge in adopted.JUDGES),
    (names.ZONE, "zone", _zone),
    (names.RECORDS, "zone", _records),
    (control_planes.CHECK, "endpoint", _control_planes),
    (kubernetes.VERSION, "kubernetes", _kubernetes),
    (namespaces.CHECK, "endpoint", _namespaces),
)
"""Each check with the fact that it looks at, and how it judges that."""

CHECKS: tuple[Check, ...] = tuple(check for check, _, _ in _JUDGES)


def preflight(
    settings: Settings, options: PreflightOptions, *, stack: str = "", progress: Progress | None = None
) -> Report:
    """Asks AWS what the checks need and judges it. stack: its name, for the report. Raises UsageError."""
    checks = chosen(CHECKS, options.only)
    wanted = {fact for check, fact, _ in _JUDGES if check in checks}
    began, now = time.monotonic(), datetime.now(UTC)
    facts = look(settings, options.endpoint_url, wanted=wanted, tools=options.tools, progress=progress or Silent())
    occasion = Occasion(
        now=now,
        minimum_days=options.minimum_days,
        sidecars=_sidecars(facts, options) if control_planes.CHECK in checks else NOT_ASKED,
        namespaces=_listed(settings, facts, options) if namespaces.CHECK in checks else NOT_ASKED,
    )
    results = run(settings, facts, occasion, checks)
    stand_in = f", at {options.endpoint_url} in place of AWS" if options.endpoint_url else ""
    return Report(
        command="preflight",
        stack=stack,
        cluster=settings.cluster.name,
        region=settings.region,
        place=f"in {settings.region}{stand_in}",
        started=now,
        seconds=time.monotonic() - began,
        results=results,
    )


def _sidecars(facts: Facts, options: PreflightOptions) -> Sequence[Sidecar] | Unavailable:
    endpoint = facts.endpoint
    if endpoint is None or isinstance(endpoint, Unavailable):
        return endpoint or ()
    # A stand-in for AWS makes its endpoints up.
    return control_planes.read(options.tools, endpoint_url="" if options.endpoint_url else endpoint.url)


def _listed(settings: Settings, facts: Facts, options: PreflightOptions) -> Sequence[Mapping[str, Any]] | Unavailable:
    endpoint = facts.endpoint
    if endpoint is None or isinstance(endpoint, Unavailable) or not namespaces.asked_about(settings):
        return ()
    return namespaces.read(options.tools, endpoint_url="" if options.endpoint_url else endpoint.url)


def run(settings: Settings, facts: Facts, occasion: Occasion, checks: Sequence[Check] = CHECKS) -> tuple[Result, ...]:
    """These checks over the facts, in the order of `CHECKS`."""
    return tuple(
        Result(check=check, verdict=judge(settings, facts, occasion)) for check, _, judge in _JUDGES if check in checks
    )

"""A check of what is adopted: a trap that is there already, or traffic that no entry says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from meshops.adopt.adoption import Adoption
from meshops.adopt.inventory import Running
from meshops.checks.model import Check, Severity, Verdict
from policy.judge import ask
from policy.resources import Resource
from policy.rule import Rule

Judge = Callable[[Adoption], Verdict]


@dataclass(frozen=True, kw_only=True)
class AdoptionCheck(Check):
    """id: `MT` and three digits."""

    judge: Judge


def check(
    id: str, section: str, *, name: str, shows: str, how: str, severity: Severity, remedy: str
) -> Callable[[Judge], AdoptionCheck]:
    """Makes a check of a function that judges."""

    def make(judge: Judge) -> AdoptionCheck:
        return AdoptionCheck(
            id=id, section=section, name=name, shows=shows, how=how, severity=severity, remedy=remedy, judge=judge
        )

    return make


def running(adoption: Adoption) -> Iterator[Running]:
    for name in adoption.namespaces:
        yield from adoption.found.applications(name)


def inside(adoption: Adoption, *kinds: str) -> Iterator[Resource]:
    """The objects of these kinds in the adopted namespaces."""
    for kind in kinds:
        for name in adoption.namespaces:
            yield from adoption.found.of(kind, name)


def flaws(adoption: Adoption, rule: Rule, item: Resource) -> tuple[str, ...]:
    """What a rule of the policy pack finds in an object that exists."""
    found, unknown = ask(rule, item, adoption.stack)
    texts = tuple(one.text for one in found)
    return texts if unknown is None else (*texts, f"{unknown.where} could not be judged")

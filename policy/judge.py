"""Runs the rules over a stack, and lays the suppressions against what they find."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from configuration.kinds.policy_suppressions import PolicySuppression
from policy.registry import AFTER_ALL_ELSE, RULES
from policy.resources import Resource
from policy.rule import SEVERITIES, Flaw, Rule
from policy.stack import Stack
from policy.unknowns import UnknownValue

_MISSHAPEN = (AttributeError, IndexError, KeyError, TypeError, ValueError)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One flaw of one resource against one rule. urn: empty where it is the stack's."""

    rule: Rule
    subject: str
    urn: str
    flaw: Flaw

    @property
    def text(self) -> str:
        """`spec.replicas = 1: …`, in one line."""
        says = f": {self.flaw.says}" if self.flaw.says else ""
        return f"{self.flaw.field} = {self.flaw.value}{says}"


@dataclass(frozen=True, kw_only=True)
class NotJudged:
    """A rule that could not be asked about a resource, and what it wanted to know."""

    rule: Rule
    subject: str
    where: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """findings: by severity, then in the order of the rules. suppressed: with what lets each stand."""

    findings: tuple[Finding, ...]
    suppressed: tuple[tuple[Finding, PolicySuppression], ...] = ()
    not_judged: tuple[NotJudged, ...] = ()
    rules: int = len(RULES)

    @property
    def stopping(self) -> tuple[Finding, ...]:
        """Those that end a preview, an update and a plan."""
        return tuple(finding for finding in self.findings if finding.rule.stops)


def judge(stack: Stack, *, rules: Iterable[Rule] = RULES) -> Verdict:
    """Everything that the rules find in a stack. Never raises for what the stack is like."""
    rules = tuple(rules)
    found: list[Finding] = []
    not_judged: list[NotJudged] = []
    for rule in rules:
        if rule is not AFTER_ALL_ELSE:
            _ask_all(rule, stack, found, not_judged)
    standing, suppressed, used = _suppressed(found, stack)
    if AFTER_ALL_ELSE in rules:
        idle = tuple(one for one in _suppressions(stack) if one not in used and one.expires >= stack.today)
        _ask_all(AFTER_ALL_ELSE, dataclasses.replace(stack, idle=idle), standing, not_judged)
    position = {rule.id: number for number, rule in enumerate(rules)}
    standing.sort(key=lambda one: (SEVERITIES.index(one.rule.severity), position[one.rule.id]))
    return Verdict(
        findings=tuple(standing), suppressed=tuple(suppressed), not_judged=tuple(not_judged), rules=len(rules)
    )


def ask(rule: Rule, resource: Resource, stack: Stack) -> tuple[list[Finding], NotJudged | None]:
    """What one rule finds in one resource; up to where it came upon a value that is not known."""
    found: list[Finding] = []
    try:
        for flaw in rule.check(resource, stack):
            found.append(Finding(rule=rule, subject=flaw.subject or str(resource), urn=resource.urn, flaw=flaw))
    except UnknownValue as unknown:
        return found, NotJudged(rule=rule, subject=_name(resource), where=unknown.where)
    except _MISSHAPEN as problem:
        # An API server will refuse it for what it is; until then no rule has looked at it.
        where = f"(not of the form that the rule reads: {type(problem).__name__}: {problem})"
        return found, NotJudged(rule=rule, subject=_name(resource), where=where)
    return found, None


def suppression_of(finding: Finding, stack: Stack) -> PolicySuppression | None:
    """The one that lets this finding stand today."""
    for one in _suppressions(stack):
        if one.rule == finding.rule.id and one.resource == finding.subject and one.expires >= stack.today:
            return one
    return None


def _ask_all(rule: Rule, stack: Stack, found: list[Finding], not_judged: list[NotJudged]) -> None:
    for resource in stack.of(*rule.about):
        flaws, unknown = ask(rule, resource, stack)
        found += flaws
        if unknown is not None:
            not_judged.append(unknown)


def _suppressions(stack: Stack) -> tuple[PolicySuppression, ...]:
    return stack.known_settings.policy_suppressions if stack.known_settings else ()


def _suppressed(
    found: Iterable[Finding], stack: Stack
) -> tuple[list[Finding], list[tuple[Finding, PolicySuppression]], set[PolicySuppression]]:
    standing: list[Finding] = []
    suppressed: list[tuple[Finding, PolicySuppression]] = []
    for finding in found:
        # What the family of suppressions finds cannot be suppressed: it would suppress itself.
        one = None if finding.rule.family == "Suppressions" else suppression_of(finding, stack)
        if one is None:
            standing.append(finding)
        else:
            suppressed.append((finding, one))
    return standing, suppressed, {one for _, one in suppressed}


def _name(resource: Resource) -> str:
    try:
        return str(resource)
    except UnknownValue:
        return resource.key

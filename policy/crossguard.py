"""The rules as CrossGuard calls them: each one a policy of the pack, asked by the real engine over gRPC.

A rule that looks at one resource alone is asked before the engine makes that resource, and stops it; one that needs the
others too is asked once all are known, so of an `up` by the preview that it begins with.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyPack,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_OBJECT_VALUE, UnknownValueError

from offline.values import MASK, UNKNOWN
from policy import companion
from policy.companion import Companion
from policy.judge import Finding, NotJudged, ask, judge, suppression_of
from policy.registry import AFTER_ALL_ELSE, RULES
from policy.resources import Resource
from policy.rule import Rule
from policy.stack import Stack

NAME = "zero-trust-mesh"
BASE = "POLICY_BASE"
"""The variable that names the directory of an earlier plan, for the family State."""
_SEVERITIES = {one.value: one for one in Severity}
_UNKNOWN_VALUES = frozenset(
    # What the engine sends in place of a value: one for each type (pulumi_policy/proxy.py).
    (
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    )
)

Beside = Callable[[str], Companion]
"""Stack -> what the offline plan knows of it."""


class Session:
    """One run of the engine: what it has asked about so far."""

    def __init__(self, beside: Beside, *, today: date, previous: Mapping[str, Mapping[str, Any]] | None) -> None:
        self._beside, self._today, self._previous = beside, today, previous
        self._asked: dict[str, Any] = {}
        self._plain: dict[str, Mapping[str, Any]] = {}
        self._known: dict[str, Companion] = {}
        self._lock = threading.RLock()  # the server asks from several threads

    def before(self, args: ResourceValidationArgs, rule: Rule) -> tuple[Resource, Stack] | None:
        """A resource before it is made, and the stack without any other; None if the rule is about others."""
        with self._lock:
            self._asked[args.urn] = args.props
            self._plain.pop(args.urn, None)
        # `kubernetes:core/v1:Namespace`, or with `Patch` behind it.
        kind = args.resource_type.rpartition(":")[2].removesuffix("Patch")
        if {args.resource_type, kind}.isdisjoint(rule.about):
            return None
        resource = self._resource(args, self._inputs(args.urn, args.props), ())
        return resource, self._stack(_stack_of(args.urn), (resource,))

    def whole(self, args: StackValidationArgs) -> Stack:
        """All resources. With what the program asked for, where that is known: the engine hands over the outputs."""
        resources = tuple(
            self._resource(one, self._inputs(one.urn, one.props), _dependencies(one))
            for one in args.resources
            if one.resource_type != "pulumi:pulumi:Stack"
        )
        name = _stack_of(args.resources[0].urn) if args.resources else ""
        return self._stack(name, resources)

    def _inputs(self, urn: str, otherwise: Any) -> Mapping[str, Any]:
        with self._lock:
            if urn not in self._plain:
                if urn not in self._asked:
                    return _plain(otherwise)
                self._plain[urn] = _plain(self._asked[urn])
            return self._plain[urn]

    def _stack(self, name: str, resources: tuple[Resource, ...]) -> Stack:
        known = self._companion(name)
        return Stack(
            name=name,
            known_settings=known.settings,
            resources=resources,
            today=self._today,
            previous=self._previous,
            planned=known.planned if self._previous is not None else None,
        )

    def _companion(self, name: str) -> Companion:
        with self._lock:
            if name not in self._known:
                self._known[name] = self._beside(name)
            return self._known[name]

    def _resource(
        self, args: ResourceValidationArgs | PolicyResource, inputs: Mapping[str, Any], depends_on: tuple[str, ...]
    ) -> Resource:
        registrations = self._companion(_stack_of(args.urn)).registrations or {}
        planned = registrations.get(args.urn)
        timeouts = args.opts.custom_timeouts
        return Resource(
            urn=args.urn,
            type=args.resource_type,
            name=args.name,
            inputs=_without_secrets(inputs, args.opts.additional_secret_outputs),
            depends_on=(*depends_on, *((args.provider.urn,) if args.provider else ())),
            read=bool(planned and planned.read_id),
            custom_timeouts={
                name: seconds
                for name, seconds in (
                    ("create", timeouts.create_seconds),
                    ("update", timeouts.update_seconds),
                    ("delete", timeouts.delete_seconds),
                )
                if seconds
            },
            deleted_with_or_unknown=planned.deleted_with if planned else UNKNOWN,
            retain_on_delete_or_unknown=planned.retain_on_delete if planned else UNKNOWN,
        )


def policies(session: Session, rules: Iterable[Rule] = RULES) -> list[Policy]:
    """A policy for each rule, in their order."""
    return [_alone(rule, session) if rule.alone else _together(rule, session) for rule in rules]


def serve() -> None:
    """Starts the pack's server, prints its port and stays until it is ended. Raises `DiffError` for a wrong base."""
    config = companion.config_of(os.environ.get("PULUMI_CONFIG", ""))
    session = Session(
        lambda stack: companion.plan_beside(stack, config),
        today=datetime.now(UTC).date(),
        previous=companion.earlier_plan(os.environ.get(BASE, "")),
    )
    PolicyPack(name=NAME, enforcement_level=EnforcementLevel.MANDATORY, policies=policies(session))


def _alone(rule: Rule, session: Session) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        asked = session.before(args, rule)
        if asked is not None:
            resource, stack = asked
            found, unknown = ask(rule, resource, stack)
            _report([one for one in found if not suppression_of(one, stack)], [unknown] if unknown else [], report)

    return ResourceValidationPolicy(validate=validate, **_said(rule))


def _together(rule: Rule, session: Session) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        stack = session.whole(args)
        # What suppresses nothing is known when everything else has been asked.
        verdict = judge(stack, rules=RULES if rule is AFTER_ALL_ELSE else (rule,))
        own = [one for one in verdict.findings if one.rule is rule]
        _report(own, [one for one in verdict.not_judged if one.rule is rule], report)

    return StackValidationPolicy(validate=validate, **_said(rule))


def _said(rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.id,
        "display_name": rule.title,
        "description": f"{rule.title} {rule.why} Remedy: {rule.remedy}",
        "enforcement_level": EnforcementLevel.MANDATORY if rule.stops else EnforcementLevel.ADVISORY,
        "severity": _SEVERITIES[rule.severity],
        "remediation_steps": rule.remedy,
        "tags": [rule.family],
    }


def _report(found: Iterable[Finding], unknown: Iterable[NotJudged], report: ReportViolation) -> None:
    for one in found:
        report(f"{one.subject}: {one.text}", one.urn or None)
    missing = [f"{one.subject}: {one.where}" for one in unknown]
    if missing:
        # The SDK's own way to say that a policy could not run: advisory, and never a pass.
        raise UnknownValueError(UNKNOWN_OBJECT_VALUE, ["; ".join(missing)])


def _dependencies(resource: PolicyResource) -> tuple[str, ...]:
    direct = [one.urn for one in resource.dependencies]
    by_property = [one.urn for found in resource.property_dependencies.values() for one in found]
    return tuple(dict.fromkeys((*direct, *by_property)))


def _stack_of(urn: str) -> str:
    """`urn:pulumi:prod::…` -> `prod`."""
    return urn.split("::")[0].rpartition(":")[2]


def _plain(value: Any) -> Any:
    """The SDK's view of properties as plain Python, `UNKNOWN` where its own raises."""
    if isinstance(value, Mapping):
        target = value["__target"] if type(value) is not dict else value
        return {str(key): _plain(item) for key, item in target.items()}
    if isinstance(value, str):
        return UNKNOWN if value in _UNKNOWN_VALUES else value
    if hasattr(value, "__getitem__") and hasattr(value, "__len__"):
        target = value if isinstance(value, list | tuple) else value["__target"]
        return [_plain(item) for item in target]
    # The wire knows doubles only.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _without_secrets(inputs: Mapping[str, Any], secret: Iterable[str]) -> Mapping[str, Any]:
    """The SDK hands secrets over in plain text: none may get into a message."""
    names = {*secret, "kubeconfig"}
    if inputs.get("kind") == "Secret":
        names |= {"data", "stringData"}
    return {key: _hidden(value) if key in names else value for key, value in inputs.items()}


def _hidden(value: Any) -> Any:
    return dict.fromkeys(value, MASK) if isinstance(value, Mapping) else MASK

"""An engine that answers from a written-down table, and refuses whatever nobody wrote down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from offline.registration import EngineError, Registration
from tests.unit.components.resource_outputs import CALLS, RESOURCES, Answer, CallAnswer


class NotMocked(EngineError):
    """The program used a resource type or a provider function that no test foresaw."""


class StrictEngine:
    """An `Engine` (see `offline.registration`).

    preview:          answers as faithfully as a preview does: ids and what a provider computes are unknown
    resources, calls: a test's own answers beside those of `resource_outputs.py`, by type token (`aws:ec2/vpc:Vpc`)
                      and function token (`aws:ec2/getVpc:getVpc`)
    refused:          what was refused, in order, also if the program went on regardless
    """

    def __init__(
        self,
        *,
        preview: bool,
        resources: Mapping[str, Answer] | None = None,
        calls: Mapping[str, CallAnswer] | None = None,
    ) -> None:
        self._preview = preview
        self._resources, self._calls = {**RESOURCES, **(resources or {})}, {**CALLS, **(calls or {})}
        self.refused: list[str] = []

    def create(self, registration: Registration) -> tuple[str, dict[str, Any]]:
        type_, name = registration.type, registration.name
        if registration.read_id:
            self._refuse(f"{type_} {name} is read by its id {registration.read_id}: no test foresaw that")
        answer = self._resources.get(type_)
        # A Kubernetes object is what was submitted, unless the table says more.
        if answer is None and not type_.startswith("kubernetes:"):
            self._refuse(f"resource type {type_} ({name}) is not mocked: add it to RESOURCES in resource_outputs.py")
        if self._preview:
            return "", {}
        outputs = dict(answer(registration)) if answer else {}
        return str(outputs.pop("id", f"{name}-id")), outputs

    def call(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        answer = self._calls.get(token)
        if answer is None:
            self._refuse(f"function {token} is not mocked: add it to CALLS in resource_outputs.py")
        return {**args, **answer(args)}

    def _refuse(self, what: str) -> NoReturn:
        self.refused.append(what)
        raise NotMocked(what)

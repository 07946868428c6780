"""The same stack planned offline, beside a preview or an update of the real engine.

It knows what CrossGuard's protocol has no field for: `deletedWith` and `retainOnDelete` of each resource
(https://github.com/pulumi/pulumi, proto/pulumi/analyzer.proto, AnalyzerResourceOptions), and a plan that can be held
against an earlier one, whose ids were made up too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from changes.comparison import DiffError, key_of, read
from configuration.parsing import parse
from configuration.problems import SettingsError
from configuration.settings import Settings
from offline.made_up import MadeUpOutputs
from offline.registration import Registration
from offline.run import run_program
from offline.stack_files import StackError, for_parsing, read_stack
from offline.values import Secret, masked

PROGRAM = Path(__file__).resolve().parent.parent
"""Where `__main__.py` and the stack files lie."""


@dataclass(frozen=True, kw_only=True)
class Companion:
    """settings: None where the stack's file cannot be read. registrations: by URN; empty where it cannot be planned."""

    settings: Settings | None = None
    registrations: Mapping[str, Registration] | None = None

    @property
    def planned(self) -> Mapping[str, Mapping[str, Any]] | None:
        if not self.registrations:
            return None
        return {key_of(urn): masked(one.inputs) for urn, one in self.registrations.items()}


def plan_beside(stack: str, config: Mapping[str, str], *, directory: Path = PROGRAM) -> Companion:
    """config: what the engine says it is, which is what holds; the stack's file knows which of it is secret."""
    try:
        known: dict[str, Any] = dict(read_stack(directory, stack).config)
    except StackError:
        known = {}
    # A secret's own value is not wanted here: the file's stand-in does.
    known |= {key: value for key, value in config.items() if not isinstance(known.get(key), Secret)}
    try:
        settings = parse(stack, for_parsing(known))
    except SettingsError:
        return Companion()
    region = known.get("aws:region") or "eu-west-1"
    run = run_program(directory, stack=stack, config=known, engine=MadeUpOutputs(str(region)))
    if run.error is not None:
        return Companion(settings=settings)
    return Companion(settings=settings, registrations={one.urn: one for one in run.registrations})


def earlier_plan(directory: str) -> Mapping[str, Mapping[str, Any]] | None:
    """A plan that `make plan` wrote, key -> inputs. None if nothing is named. Raises `DiffError` if none is there."""
    if not directory:
        return None
    files = read(Path(directory))
    return {key: entry.get("inputs") or {} for key, entry in files.resources.items()}


def config_of(text: str) -> Mapping[str, str]:
    """`PULUMI_CONFIG` as the engine sets it for a pack; nothing where it does not."""
    try:
        found = json.loads(text or "{}")
    except json.JSONDecodeError:
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


__all__ = ["Companion", "DiffError", "config_of", "earlier_plan", "plan_beside"]

"""The lab's stack with more namespaces than its file has, and without them again: what a pull request would do.

The entry is a file with a list, in the form that `zero-trust-mesh:namespaces` has in a stack's file. The program
itself is run with it: it decides what an application becomes, and the engine removes what is no longer in it.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from configuration.settings import PROJECT
from lab.aws import moto
from lab.cluster import lifecycle
from lab.commands import bringing_up
from lab.engine.engine import Step
from lab.errors import LabError
from lab.progress import TerminalProgress
from meshops.plan import diff, output
from meshops.plan import plan as planning
from meshops.plan.plan import PlanError
from offline.stack_files import read_stack
from offline.values import Secret

_NAMESPACES = f"{PROJECT}:namespaces"

Config = Mapping[str, str | Secret]


def with_entry(directory: Path, entry: Path | None) -> Config:
    """The configuration of the lab's stack, with the entry's namespaces behind its own. Raises LabError."""
    config = dict(read_stack(directory, bringing_up.STACK).config)
    if entry is None:
        return config
    known = config.get(_NAMESPACES, "[]")
    if isinstance(known, Secret):
        raise LabError(f"{_NAMESPACES} is encrypted in the stack's file: an entry cannot be added to it")
    config[_NAMESPACES] = json.dumps([*json.loads(known), *_read(entry)])
    return config


def difference(directory: Path, entry: Path) -> str:
    """What the entry changes in the stack's plan, as Markdown: what `meshops plan --diff` prints. Raises LabError."""
    with tempfile.TemporaryDirectory() as scratch:
        plans = {}
        for name, config in (("old", with_entry(directory, None)), ("new", with_entry(directory, entry))):
            target = Path(scratch) / name
            try:
                output.write(planning.make(bringing_up.STACK, directory=directory, config=config), target)
            except PlanError as problem:
                raise LabError(str(problem)) from problem
            plans[name] = diff.read(target)
    return diff.render(diff.compare(plans["old"], plans["new"]), stack=bringing_up.STACK)


def apply(directory: Path, entry: Path | None, progress: TerminalProgress) -> Sequence[Step]:
    """Brings the running lab to the stack with the entry, or without any (None). Gives what was done.

    Raises LabError.
    """
    config = with_entry(directory, entry)
    plane = lifecycle.running()
    try:
        plan = planning.make(bringing_up.STACK, directory=directory, config=config)
    except PlanError as problem:
        raise LabError(str(problem)) from problem
    if plan.settings is None:
        raise LabError(f"the stack {bringing_up.STACK} has no settings of this project")
    with lifecycle.alone(plane.state):
        account = bringing_up.account_of(plane, moto.start(plane.state), plan.settings)
        engine = bringing_up.apply(directory, plane, account, plan, plan.settings, progress, config=config)
    return engine.steps


def summary(steps: Sequence[Step]) -> str:
    """One line: how many resources were created, updated, removed, left as they were."""
    counts = Counter(step.change for step in steps)
    return ", ".join(f"{count} {change}" for change, count in sorted(counts.items()))


def _read(entry: Path) -> list[dict[str, Any]]:
    try:
        document = yaml.safe_load(entry.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as problem:
        raise LabError(f"{entry} cannot be read: {' '.join(str(problem).split())}") from problem
    if not isinstance(document, list) or not all(isinstance(item, dict) for item in document):
        raise LabError(f"{entry}: it must be a list of namespaces, as {_NAMESPACES} in a stack's file")
    return document

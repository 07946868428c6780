"""The lab's stack with more namespaces than its file has, and without them again: what a pull request would do.

The entry is a file with a list, in the form that `zero-trust-mesh:namespaces` has in a stack's file. The program
itself is run with it: it decides what an application becomes, and the engine removes what is no longer in it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from configuration.settings import PROJECT
from lab.aws import moto
from lab.cluster import dns
from lab.engine import program
from lab.engine.component_progress import counted
from lab.engine.engine import Change
from lab.errors import LabError
from lab.lifecycle.running import alone, running
from lab.paths import PROGRAM, STACK
from lab.progress import Progress, TerminalProgress
from meshops.plan import diff, output
from meshops.plan import plan as planning
from meshops.plan.plan import PlanError
from offline.stack_files import read_stack
from offline.values import Secret

_NAMESPACES = f"{PROJECT}:namespaces"

Config = Mapping[str, str | Secret]


def onboard(options: argparse.Namespace) -> int:
    """Brings the running lab to its stack with the entry's namespaces, or prints what that would change."""
    if options.plan:
        print(difference(PROGRAM, options.entry))
    else:
        print(counted(apply(PROGRAM, options.entry, TerminalProgress())))
    return 0


def offboard(options: argparse.Namespace) -> int:
    """Brings the running lab back to its stack as the file has it."""
    print(counted(apply(PROGRAM, None, TerminalProgress())))
    return 0


def with_entry(directory: Path, entry: Path | None) -> Config:
    """The configuration of the lab's stack, with the entry's namespaces behind its own. Raises LabError."""
    config = dict(read_stack(directory, STACK).config)
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
                output.write(planning.make(STACK, directory=directory, config=config), target)
            except PlanError as problem:
                raise LabError(str(problem)) from problem
            plans[name] = diff.read(target)
    return diff.render(diff.compare(plans["old"], plans["new"]), stack=STACK)


def apply(directory: Path, entry: Path | None, progress: Progress) -> Sequence[Change]:
    """Brings the running lab to the stack with the entry, or without any (None). Gives what was done.

    Raises LabError.
    """
    return bring_to(directory, with_entry(directory, entry), progress)


def bring_to(directory: Path, config: Config, progress: Progress) -> Sequence[Change]:
    """Brings the running lab to the stack with another configuration than its file's. Gives what was done.

    Raises LabError.
    """
    plane = running()
    try:
        plan = planning.make(STACK, directory=directory, config=config)
    except PlanError as problem:
        raise LabError(str(problem)) from problem
    if plan.settings is None:
        raise LabError(f"the stack {STACK} has no settings of this project")
    with alone(plane.state):
        account = program.account_of(plane, moto.start(plane), plan.settings)
        dns.apply(plane, plan.settings)  # a new application's hosts are new names
        planned = plan.run.registrations
        engine = program.apply(directory, plane, account, planned, plan.settings, progress, config=config)
    return engine.changes


def _read(entry: Path) -> list[dict[str, Any]]:
    try:
        document = yaml.safe_load(entry.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as problem:
        raise LabError(f"{entry} cannot be read: {' '.join(str(problem).split())}") from problem
    if not isinstance(document, list) or not all(isinstance(item, dict) for item in document):
        raise LabError(f"{entry}: it must be a list of namespaces, as {_NAMESPACES} in a stack's file")
    return document

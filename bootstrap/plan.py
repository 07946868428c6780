"""`make bootstrap-plan`: what the bootstrap would make, without credentials or network."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bootstrap.settings import PROJECT, parse
from configuration.problems import SettingsError
from offline.made_up import MadeUpOutputs
from offline.run import ProgramRun, run_program
from offline.stack_files import StackError, for_parsing, read_stack
from offline.values import masked

PROGRAM = Path(__file__).resolve().parent


class PlanError(Exception):
    """There is no plan; the message holds every reason."""


def make(stack: str, *, directory: Path = PROGRAM) -> ProgramRun:
    """Raises `PlanError` (settings refused, program failed) and `StackError` (no such stack)."""
    config = read_stack(directory, stack, PROJECT).config
    try:
        settings = parse(stack, for_parsing(config))
    except SettingsError as problem:
        raise PlanError(str(problem)) from None
    run = run_program(
        PROGRAM, stack=stack, project=PROJECT, config=config, engine=MadeUpOutputs(settings.region), timeout=120
    )
    if run.error is not None:
        raise PlanError(str(run.error))
    return run


def resources(run: ProgramRun) -> list[dict[str, Any]]:
    return [{"type": one.type, "name": one.name, "inputs": masked(one.inputs)} for one in run.registrations]


def main(arguments: Sequence[str]) -> int:
    """Returns 0 for a plan, 1 if there is none, 2 for an unknown stack."""
    parser = argparse.ArgumentParser(prog="python -m bootstrap.plan", description="Plan the bootstrap offline.")
    parser.add_argument("--stack", default="example", help="its file bootstrap/Pulumi.<stack>.yaml")
    parser.add_argument("--output", type=Path, default=PROGRAM.parent / "build" / "bootstrap")
    options = parser.parse_args(arguments)
    try:
        run = make(options.stack)
    except (PlanError, StackError) as problem:
        print(problem, file=sys.stderr)
        return 2 if isinstance(problem, StackError) else 1
    options.output.mkdir(parents=True, exist_ok=True)
    written = options.output / f"{options.stack}.json"
    written.write_text(json.dumps(resources(run), indent=2) + "\n", encoding="utf-8")
    made = Counter(one.type for one in run.registrations if one.custom)
    print(f"{options.stack}: {made.total()} resources of {len(made)} types")
    print(json.dumps(masked(run.outputs), indent=2))
    print(f"written to {written}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

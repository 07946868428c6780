"""The command `policy`: the rules over a stack's offline plan, without the Pulumi CLI."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from meshops.checks.exit_codes import FAILED, MEANING, PASSED, UNKNOWN, WRONG_USAGE
from meshops.plan import diff, plan
from offline.stack_files import StackError
from policy import report
from policy.registry import RULES


def main(arguments: list[str]) -> int:
    """Returns 0 if nothing stops the stack, 1 if something does or there is no plan, 2 for wrong usage, 3 if a rule
    could not be judged."""
    options = _parser().parse_args(arguments)
    if options.list:
        print("\n".join(f"{rule.id}  {rule.severity:9}{rule.family:16}{rule.title}" for rule in RULES))
        return PASSED
    if not options.stack:
        plan.print_error("policy needs --stack: the stack whose Pulumi.<stack>.yaml is read.")
        return WRONG_USAGE
    try:
        base = diff.read(options.base) if options.base else None
        verdict = plan.make(options.stack, directory=options.directory, base=base).verdict
    except (plan.PlanError, StackError, diff.DiffError) as problem:
        plan.print_error(problem)
        return WRONG_USAGE if isinstance(problem, StackError | diff.DiffError) else FAILED
    if options.format == "json":
        print(json.dumps(report.data(verdict), indent=2))
    else:
        print(report.text(verdict), end="\n\n")
        print(f"{options.stack}: {report.summary(verdict)}")
        if base is None:
            print("Nothing was compared with an earlier plan (MR901): --base DIRECTORY, as `make plan` writes one.")
    if verdict.stopping:
        return FAILED
    return UNKNOWN if verdict.not_judged else PASSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m meshops policy", description="Judge a stack's offline plan by the policy pack's rules."
    )
    parser.epilog = f"exit codes: {MEANING}"
    parser.add_argument("--stack", help="its file Pulumi.<stack>.yaml lies beside the others")
    parser.add_argument("--base", type=Path, metavar="DIRECTORY", help="the plan of what stands, for what holds state")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="(%(default)s)")
    parser.add_argument("--list", action="store_true", help="the rules there are, and nothing else")
    parser.add_argument("--directory", type=Path, default=plan.PROGRAM, help="of the program (default: this one)")
    return parser

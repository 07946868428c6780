"""The command `plan`: makes a plan, writes it, and compares it with another if asked."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from meshops.plan import diff, output, plan
from meshops.synthetic import with_applications
from offline.stack_files import StackError, read_stack
from policy import report


def main(arguments: list[str], *, started: float | None = None) -> int:
    """Returns 0 for a plan, 1 if there is none or a policy stops it, 2 for wrong usage.

    started: `time.perf_counter()` of the process
    """
    started = time.perf_counter() if started is None else started
    options = _parser().parse_args(arguments)
    try:
        other = diff.read(options.diff) if options.diff else None
        config = read_stack(options.directory, options.stack).config
        if options.apps is not None:
            config = with_applications(config, options.apps)
        made = plan.make(options.stack, directory=options.directory, config=config, base=other)
        target = options.output or options.directory / "build" / "plan" / options.stack
        output.write(made, target)
    except (plan.PlanError, StackError, diff.DiffError) as problem:
        plan.print_error(problem)
        return 2 if isinstance(problem, StackError | diff.DiffError) else 1
    if other is not None:
        print(diff.render(diff.compare(other, diff.read(target)), stack=options.stack))
    # Beside a comparison, whose Markdown goes into a file, this is for the person who waits.
    stream = sys.stderr if other is not None else sys.stdout
    print(f"{options.stack}: {plan.headline(made)}", file=stream)
    # Weakenings stand in the summary: here they would be the same lines at each plan.
    if found := report.text(made.verdict, weakenings=False):
        print(f"\n{found}\n", file=stream)
    print(f"{options.stack}: {report.summary(made.verdict)}", file=stream)
    print(f"written to {_shown(target)} in {time.perf_counter() - started:.1f} s", file=stream)
    return 1 if made.verdict.stopping else 0


def _shown(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m meshops plan", description="Plan a stack offline.")
    parser.add_argument("--stack", required=True, help="its file Pulumi.<stack>.yaml lies beside the others")
    parser.add_argument(
        "--diff", type=Path, metavar="DIRECTORY", help="print what changed against another plan, as Markdown"
    )
    parser.add_argument("--apps", type=_count, metavar="N", help="N synthetic applications in place of the stack's own")
    parser.add_argument("--output", type=Path, help="where to write it (default: build/plan/<stack>)")
    parser.add_argument("--directory", type=Path, default=plan.PROGRAM, help="of the program (default: this one)")
    return parser

"""`bench --policy`: what the policy pack costs, beside the plan that it judges."""

from __future__ import annotations

import statistics
import time

from meshops.checks.exit_codes import PASSED
from meshops.plan import plan
from offline.stack_files import stack_names

_TIMES = 5


def bench_policy() -> int:
    """Prints a table of all stacks."""
    print("| stack | resources | the plan, pack included | the pack | rules |\n| --- | ---: | ---: | ---: | ---: |")
    for stack in stack_names(plan.PROGRAM):
        started = time.perf_counter()
        made = plan.make(stack)
        whole = time.perf_counter() - started
        seconds = statistics.median(_once(made) for _ in range(_TIMES))
        count = len(made.run.registrations)
        print(f"| {stack} | {count} | {whole:.1f} s | {seconds:.3f} s | {made.verdict.rules} |")
    return PASSED


def _once(made: plan.Plan) -> float:
    started = time.perf_counter()
    plan.judged(made.stack, made.settings, made.run)
    return time.perf_counter() - started

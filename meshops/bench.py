"""The command `bench`: how a plan's time and memory grow with the number of applications."""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from meshops.checks.exit_codes import FAILED, PASSED, WRONG_USAGE
from meshops.plan.bench_policy import bench_policy
from meshops.stack_settings import PROGRAM
from offline.stack_files import StackError, read_stack

SIZES = (10, 100, 1000)

# What one more application may cost at the upper sizes, compared with what it costs at the lower ones, before growth
# counts as worse than linear. Above 1, since two processes on a busy machine are never measured alike.
TIME_TOLERANCE = 1.4
MEMORY_TOLERANCE = 1.4


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One plan in a process of its own. cpu counts user and system seconds; peak is resident memory in MiB."""

    applications: int
    resources: int
    seconds: float
    cpu: float
    peak: float


def main(arguments: list[str]) -> int:
    """Prints the growth table. Returns 1 if growth is worse than linear or a plan fails, 2 for an unknown stack."""
    parser = argparse.ArgumentParser(prog="python -m meshops bench", description="Measure plans of growing size.")
    parser.add_argument("--stack", default="dev", help="whose settings surround the applications (default: dev)")
    parser.add_argument("--apps", type=int, nargs="+", default=SIZES, metavar="N", help="default: 10 100 1000")
    parser.add_argument("--policy", action="store_true", help="the policy pack over each stack's plan, nothing else")
    options = parser.parse_args(arguments)
    try:
        read_stack(PROGRAM, options.stack)
    except StackError as problem:
        print(problem, file=sys.stderr)
        return WRONG_USAGE
    if options.policy:
        return bench_policy()
    sizes = tuple(sorted(set(options.apps)))
    found = []
    # A first run that is not counted: it compiles the modules and warms the file cache.
    for position, size in enumerate((sizes[0], *sizes)):
        print(f"  {'warming up' if position == 0 else f'{size} applications'} …", file=sys.stderr, flush=True)
        measurement = measure(options.stack, size)
        if measurement is None:
            return FAILED
        found.append(measurement)
    print(table(found[1:], options.stack))
    verdicts = excesses(found[1:])
    for verdict in verdicts:
        print(f"\n{verdict}")
    if not verdicts and len(sizes) > 2:
        print(f"\nGrowth is linear (within a factor of {TIME_TOLERANCE:g} for time, {MEMORY_TOLERANCE:g} for memory).")
    return FAILED if verdicts else PASSED


def measure(stack: str, applications: int) -> Measurement | None:
    """Plans a stack with synthetic applications in a process of its own; None (and its message) if that fails."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "meshops", "plan", "--stack", stack, "--apps", str(applications)]
        log = Path(scratch) / "log"
        with log.open("w") as stream:
            started = time.perf_counter()
            process = subprocess.Popen(
                [*command, "--output", str(Path(scratch) / "plan")],
                cwd=PROGRAM,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
            # wait4 tells what this one process used; getrusage(RUSAGE_CHILDREN) only the most that any child did.
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        text = log.read_text()
        if process.returncode:
            print(f"the plan with {applications} applications failed:\n{text}", file=sys.stderr)
            return None
    counted = re.search(r"(\d+) resources", text)
    unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss is in bytes there, in KiB elsewhere
    return Measurement(
        applications=applications,
        resources=int(counted[1]) if counted else 0,
        seconds=seconds,
        cpu=usage.ru_utime + usage.ru_stime,
        peak=usage.ru_maxrss / unit,
    )


def table(measurements: Sequence[Measurement], stack: str) -> str:
    """The growth table as Markdown, with the machine it was measured on."""
    lines = [
        "| applications | resources | seconds | CPU seconds | ms per further application | peak MiB "
        "| KiB per further application |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for position, one in enumerate(measurements):
        cost = _marginal(measurements[position - 1], one) if position else None
        time_cost, memory_cost = (f"{cost[0] * 1000:.1f}", f"{cost[1] * 1024:.0f}") if cost else ("", "")
        lines.append(
            f"| {one.applications} | {one.resources} | {one.seconds:.1f} | {one.cpu:.1f} | {time_cost} "
            f"| {one.peak:.0f} | {memory_cost} |"
        )
    lines += ["", f"Stack `{stack}`'s settings, {_machine()}."]
    return "\n".join(lines)


def excesses(measurements: Sequence[Measurement]) -> list[str]:
    """A sentence for each resource whose cost per application grows with their number; CPU time, not wall time."""
    steps = [_marginal(low, high) for low, high in itertools.pairwise(measurements)]
    found = []
    for index, (what, tolerance) in enumerate((("time", TIME_TOLERANCE), ("memory", MEMORY_TOLERANCE))):
        for lower, upper in itertools.pairwise(steps):
            if lower[index] > 0 and upper[index] > lower[index] * tolerance:
                ratio = upper[index] / lower[index]
                found.append(
                    f"Growth of {what} is worse than linear: a further application costs {ratio:.2f} times as much as "
                    f"at the size before (tolerated: {tolerance:g})."
                )
    return found


def _marginal(low: Measurement, high: Measurement) -> tuple[float, float]:
    """CPU seconds and MiB for each further application between two sizes."""
    further = high.applications - low.applications
    return (high.cpu - low.cpu) / further, (high.peak - low.peak) / further


def _machine() -> str:
    model = ""
    with_cpu_info = Path("/proc/cpuinfo")
    if with_cpu_info.exists():
        found = re.search(r"model name\s*:\s*(.+)", with_cpu_info.read_text())
        model = f" ({found[1].strip()})" if found else ""
    return f"{os.cpu_count()} cores{model}, {platform.system()}, Python {platform.python_version()}"

"""`python -m lab costs`: tables on the running lab, or some of them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

from lab.costs import layers, parts, proxies, services
from lab.errors import LabError
from lab.lifecycle.running import running
from lab.progress import Progress, TerminalProgress
from lab.reliability.command import ground
from meshops.checks.model import Table
from meshops.checks.text import table_lines

Measure = Callable[[argparse.Namespace, Progress], Table]


def run(options: argparse.Namespace) -> int:
    """Prints each table as soon as it is measured. Raises LabError."""
    chosen = options.tables.replace(",", " ").split()
    if unknown := sorted(set(chosen) - TABLES.keys()):
        raise LabError(f"no table {', '.join(unknown)}; there are {', '.join(TABLES)}")
    progress = TerminalProgress()
    for name in chosen or TABLES:
        table = TABLES[name](options, progress)
        progress.pause()
        print("\n".join(["", name, *table_lines(table)]), flush=True)
        progress.resume()
    return 0


def _layers(options: argparse.Namespace, progress: Progress) -> Table:
    with ground(progress) as found:
        return layers.measure(found, seconds=options.seconds)


def _parts(options: argparse.Namespace, progress: Progress) -> Table:
    with ground(progress) as found:
        return parts.measure(found, seconds=options.seconds)


def _proxies(options: argparse.Namespace, progress: Progress) -> Table:
    return Table(header=("", ""), rows=proxies.measure(running(), options.requests))


def _services(options: argparse.Namespace, progress: Progress) -> Table:
    try:
        counts = sorted(map(int, options.services.split(",")))
    except ValueError as problem:
        raise LabError(f"--services {options.services}: numbers with commas between them, e.g. 10,100") from problem
    return services.measure(running(), counts, progress)


TABLES: Mapping[str, Measure] = {"layers": _layers, "parts": _parts, "proxies": _proxies, "services": _services}

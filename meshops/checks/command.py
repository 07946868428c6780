"""The frame of every command that checks a stack: reads its settings, runs the checks, writes the report."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Callable, Generator, Sequence
from types import FrameType

from configuration.problems import SettingsError
from configuration.settings import Settings
from meshops.checks.documents import json_document, junit_document
from meshops.checks.exit_codes import FAILED, INTERRUPTED, PASSED, WRONG_USAGE, exit_code
from meshops.checks.model import Check, Report
from meshops.checks.options import UsageError, refuse_wrong_usage
from meshops.checks.text import Style, render, style_of, summary
from meshops.progress import Progress, terminal_progress
from meshops.stack_settings import stack_settings
from offline.stack_files import StackError


def execute(
    arguments: argparse.Namespace,
    *,
    command: str,
    checks: Sequence[Check],
    run: Callable[[Settings, Progress], Report],
    interrupted: str = "interrupted",
) -> int:
    """Runs a command and returns its exit code. run: may raise UsageError. interrupted: what is said after Ctrl-C."""
    if arguments.list:
        print(_listed(checks))
        return PASSED
    try:
        refuse_wrong_usage(arguments, command, checks)
        settings = stack_settings(arguments.directory, arguments.stack)
        with terminal_progress() as progress:
            report = run(settings, progress)
    except (StackError, UsageError) as problem:
        print(problem, file=sys.stderr)
        return WRONG_USAGE
    except SettingsError as problem:
        print(problem, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print(f"{command}: {interrupted}", file=sys.stderr)
        return INTERRUPTED
    _deliver(report, arguments)
    return exit_code(report.results)


def _deliver(report: Report, arguments: argparse.Namespace) -> None:
    if arguments.output is None:
        print(_written(report, arguments, style_of(sys.stdout)).rstrip("\n"))
    else:
        text = _written(report, arguments, Style())
        arguments.output.write_text(f"{text.rstrip()}\n", encoding="utf-8")
        print(f"{summary(report)}: {arguments.output}")


def _written(report: Report, arguments: argparse.Namespace, style: Style) -> str:
    if arguments.format == "json":
        return json_document(report)
    if arguments.format == "junit":
        return junit_document(report)
    return render(report, style=style, verbose=arguments.verbose)


@contextlib.contextmanager
def terminated_as_interrupted() -> Generator[None]:
    """A run that is told to end removes what it made as one that is interrupted does."""
    before = signal.signal(signal.SIGTERM, _interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _listed(checks: Sequence[Check]) -> str:
    width = max((len(check.section) for check in checks), default=0) + 1
    return "\n".join(f"{check.id}  {check.section.ljust(width)} {check.name}" for check in checks)

"""`python -m meshops verify --stack S [--kubeconfig F] [--format table|json|junit] [--output FILE] [--only ID…]`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from botocore.exceptions import BotoCoreError

from configuration.problems import SettingsError
from meshops.checks.text import Style
from meshops.preflight.command import stack_settings
from meshops.verify.registry import CHECKS
from meshops.verify.result import Report
from meshops.verify.run import SelectionError, VerifyOptions, verify
from meshops.verify.text import document, junit, summary, table
from offline.stack_files import StackError

_WRONG_USAGE = 2
_INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Proves on the running cluster, by sending traffic, that the stack's mesh holds. Makes short-lived probe pods "
        "and removes them. Exit code: 0 everything passed, 1 something failed or is unknown, 2 wrong usage."
    )
    parser.add_argument("--stack", help="the stack whose Pulumi.<stack>.yaml is read")
    parser.add_argument("--kubeconfig", type=Path, metavar="FILE", help="the cluster's; without it the environment's")
    parser.add_argument("--format", choices=("table", "json", "junit"), default="table", help="(%(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write it there; the terminal shows the summary")
    parser.add_argument("--only", nargs="+", default=[], metavar="ID", help="these checks, e.g. MV303 MV605")
    parser.add_argument("--namespace", nargs="+", default=[], metavar="NAME", help="applications of these namespaces")
    parser.add_argument("--verbose", action="store_true", help="the table with every check's evidence")
    parser.add_argument("--list", action="store_true", help="the checks there are, and nothing else")
    parser.add_argument("--kubectl", default="kubectl", metavar="PROGRAM", help="(%(default)s)")
    parser.add_argument("--istioctl", default="istioctl", metavar="PROGRAM", help="(%(default)s)")
    parser.add_argument("--endpoint-url", help="a stand-in for AWS, in place of AWS_ENDPOINT_URL or AWS itself")
    parser.add_argument("--directory", type=Path, default=Path.cwd(), help="where Pulumi.yaml lies (%(default)s)")


def execute(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    if arguments.list:
        for check in CHECKS:
            print(f"{check.id}  {check.layer:<25}{check.name}")
        return 0
    try:
        report = _run(arguments)
    except (StackError, SettingsError, SelectionError, BotoCoreError) as problem:
        print(problem, file=sys.stderr)
        return _WRONG_USAGE
    except KeyboardInterrupt:
        print("verify: interrupted; its probe pods are being removed", file=sys.stderr)
        return _INTERRUPTED
    text = _rendered(report, arguments)
    if arguments.output is None:
        print(text)
    else:
        arguments.output.write_text(text if text.endswith("\n") else f"{text}\n", encoding="utf-8")
        print(f"{summary(report)}: {arguments.output}")
    return report.exit_code


def _run(arguments: argparse.Namespace) -> Report:
    if not arguments.stack:
        raise SelectionError("verify needs --stack: the stack whose Pulumi.<stack>.yaml is read.")
    if arguments.kubeconfig is not None and not arguments.kubeconfig.is_file():
        raise SelectionError(f"There is no kubeconfig {arguments.kubeconfig}.")
    settings = stack_settings(arguments.directory, arguments.stack)
    options = VerifyOptions(
        kubeconfig=arguments.kubeconfig,
        only=tuple(arguments.only),
        namespaces=tuple(arguments.namespace),
        kubectl=arguments.kubectl,
        istioctl=arguments.istioctl,
        aws_endpoint_url=arguments.endpoint_url,
    )
    # A run that is told to end removes its pods as one that is interrupted does.
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        return verify(settings, options, stack=arguments.stack)
    finally:
        signal.signal(signal.SIGTERM, before)


def _rendered(report: Report, arguments: argparse.Namespace) -> str:
    if arguments.format == "json":
        return document(report)
    if arguments.format == "junit":
        return junit(report)
    colour = arguments.output is None and sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return table(report, style=Style(colour=colour), verbose=arguments.verbose)


def _terminated(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="meshops verify")
    add_arguments(parser)
    return execute(parser.parse_args(argv))

"""`python -m meshops preflight --stack S [--endpoint-url URL] [--json]`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from botocore.exceptions import BotoCoreError

from configuration.parsing import parse
from configuration.problems import SettingsError
from configuration.settings import Settings
from meshops.checks.result import exit_code
from meshops.checks.text import Style, document, render
from meshops.preflight.aws import gather, session_of
from meshops.preflight.certificate import MINIMUM_DAYS
from meshops.preflight.run import Occasion, run
from offline.stack_files import StackError, read_stack
from offline.values import revealed

_UNKNOWN = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Looks at what AWS must already be like for the stack's load balancer. "
        "Exit code: 0 everything passed, 1 something failed, 2 something could not be looked at."
    )
    parser.add_argument("--stack", required=True, help="the stack whose Pulumi.<stack>.yaml is read")
    parser.add_argument("--endpoint-url", help="a stand-in for AWS, such as the lab's, in place of AWS itself")
    parser.add_argument("--json", action="store_true", help="the results as JSON")
    parser.add_argument(
        "--certificate-days",
        type=int,
        default=MINIMUM_DAYS,
        metavar="DAYS",
        help="what the certificate must have left (%(default)s)",
    )
    parser.add_argument("--directory", type=Path, default=Path.cwd(), help="where Pulumi.yaml lies (%(default)s)")


def execute(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    try:
        settings = stack_settings(arguments.directory, arguments.stack)
        session = session_of(settings, arguments.endpoint_url)
    except (StackError, SettingsError, BotoCoreError) as problem:
        print(problem, file=sys.stderr)
        return _UNKNOWN
    if session.get_credentials() is None:
        print(
            f"Nothing was looked at: there are no AWS credentials for stack {arguments.stack!r}. "
            "Log in (aws sso login, AWS_PROFILE), or give --endpoint-url of a stand-in.",
            file=sys.stderr,
        )
        return _UNKNOWN
    facts = gather(settings, session, arguments.endpoint_url)
    results = run(settings, facts, Occasion(now=datetime.now(UTC), minimum_days=arguments.certificate_days))
    where = f", at {arguments.endpoint_url} in place of AWS" if arguments.endpoint_url else ""
    if arguments.json:
        print(document(results, stack=arguments.stack, region=settings.region, cluster=settings.cluster.name))
    else:
        title = f"Preflight of stack {arguments.stack}: cluster {settings.cluster.name} in {settings.region}{where}"
        print(render(results, title=title, style=Style(colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ)))
    return exit_code(results)


def stack_settings(directory: Path, stack: str) -> Settings:
    """The stack's settings without Pulumi. Raises `StackError` or `SettingsError`."""
    return parse(stack, {key: revealed(value) for key, value in read_stack(directory, stack).config.items()})


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="meshops preflight")
    add_arguments(parser)
    return execute(parser.parse_args(argv))

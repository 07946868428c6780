"""The options that mean the same in every command that checks a stack, and what is refused about them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from meshops.checks.exit_codes import MEANING
from meshops.checks.model import Check
from meshops.stack_settings import PROGRAM

_C = TypeVar("_C", bound=Check)


class UsageError(Exception):
    """What was asked for does not exist or cannot be done; the message names it and what there is."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.epilog = f"exit codes: {MEANING}"
    parser.add_argument("--stack", help="the stack whose Pulumi.<stack>.yaml is read")
    parser.add_argument("--directory", type=Path, default=PROGRAM, help="of the program (default: this one)")
    parser.add_argument("--format", choices=("text", "json", "junit"), default="text", help="(%(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write it there; the terminal shows the summary")
    parser.add_argument("--only", nargs="+", default=[], metavar="ID", help="these checks; --list has their ids")
    parser.add_argument("--verbose", action="store_true", help="the text with every check's evidence")
    parser.add_argument("--list", action="store_true", help="the checks there are, and nothing else")


def add_resolve(parser: argparse.ArgumentParser) -> None:
    """`--resolve`, which `resolved` reads: as curl's, for the names of load balancers."""
    parser.add_argument(
        "--resolve",
        nargs="+",
        default=[],
        metavar="NAME=ADDRESS",
        help="where a load balancer is, in place of what DNS says of its name",
    )


def resolved(pairs: Sequence[str]) -> dict[str, str]:
    """`NAME=ADDRESS` of `--resolve` as a mapping. Raises UsageError."""
    found = {name: address for name, _, address in (pair.partition("=") for pair in pairs)}
    if not all(name and address for name, address in found.items()):
        raise UsageError(f"--resolve {' '.join(pairs)}: each is a name, an equals sign and an address.")
    return found


def chosen(checks: Sequence[_C], only: Sequence[str]) -> tuple[_C, ...]:
    """The checks with these ids, in their own order; all if none is named. Raises UsageError."""
    known = {check.id for check in checks}
    unknown = [id for id in only if id not in known]
    if unknown:
        raise UsageError(f"There is no check {', '.join(unknown)}: there are {', '.join(sorted(known))}.")
    return tuple(check for check in checks if not only or check.id in only)


def refuse_wrong_usage(arguments: argparse.Namespace, command: str, checks: Sequence[Check]) -> None:
    """Before minutes are spent: what `add_options` added must make sense. Raises UsageError."""
    if not arguments.stack:
        raise UsageError(f"{command} needs --stack: the stack whose Pulumi.<stack>.yaml is read.")
    chosen(checks, arguments.only)
    output = arguments.output
    if output is not None and (output.is_dir() or not output.absolute().parent.is_dir()):
        raise UsageError(f"--output {output} cannot be written: name a file in a directory that exists.")

"""The command `adopt`: from running namespaces, and the traffic they have, to what the stack would say of them."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from configuration.applications import Phase
from configuration.problems import SettingsError
from meshops.adopt import output
from meshops.adopt.adoption import Adoption, adopt
from meshops.adopt.gather import of_cluster, of_directory, of_files
from meshops.adopt.registry import CHECKS
from meshops.adopt.sightings import Unreadable
from meshops.checks.documents import json_document
from meshops.checks.exit_codes import FAILED, MEANING, UNKNOWN, WRONG_USAGE, exit_code
from meshops.checks.model import Report, Result
from meshops.checks.options import UsageError
from meshops.checks.text import render, style_of
from meshops.stack_settings import PROGRAM
from meshops.tools import ToolError, Tools
from offline.stack_files import StackError, for_parsing, read_stack


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    options = _parser().parse_args(arguments)
    began, started = time.monotonic(), datetime.now(UTC)
    try:
        adoption = _adopt(options)
        report = judged(adoption, stack=options.stack, started=started, seconds=time.monotonic() - began)
        target = options.output or options.directory / "build" / "adopt" / options.stack
        if options.write:
            output.append(read_stack(options.directory, options.stack).path, adoption.entries)
        files = output.write(adoption, render(report, verbose=True), target)
    except (StackError, UsageError) as problem:
        print(problem, file=sys.stderr)
        return WRONG_USAGE
    except (ToolError, Unreadable) as problem:
        print(f"The cluster could not be read: {problem}", file=sys.stderr)
        return UNKNOWN
    except SettingsError as problem:
        print(problem, file=sys.stderr)
        return FAILED
    if options.format == "json":
        print(json_document(report))
    else:
        print(render(report, style=style_of(sys.stdout), verbose=options.verbose))
        print(f"written to {target}: {', '.join(files)}")
    return exit_code(report.results)


def judged(adoption: Adoption, *, stack: str, started: datetime, seconds: float) -> Report:
    """The checks of an adoption as a report."""
    settings = adoption.settings
    return Report(
        command="adopt",
        stack=stack,
        cluster=settings.cluster.name,
        region=settings.region,
        place=f"of {', '.join(adoption.namespaces)}",
        started=started,
        seconds=seconds,
        results=tuple(Result(check=check, verdict=check.judge(adoption)) for check in CHECKS),
    )


def _adopt(options: argparse.Namespace) -> Adoption:
    config = for_parsing(read_stack(options.directory, options.stack).config)
    names = tuple(dict.fromkeys(options.namespaces))
    if not names:
        raise UsageError("adopt needs --namespaces: those that run, and are to be brought in together.")
    if options.source is not None:
        found, sightings = of_directory(options.source)
    else:
        tools = Tools(kubectl=options.kubectl, kubeconfig=options.kubeconfig)
        found, sightings = of_cluster(tools, names, since=options.since)
    missing = [name for name in names if found.namespace(name) is None]
    if missing:
        there = ", ".join(one.object_name for one in found.of("Namespace"))
        raise UsageError(f"There is no namespace {', '.join(missing)}: there are {there}.")
    sightings += of_files(options.traffic)
    return adopt(config, found, sightings, stack=options.stack, namespaces=names, phase=options.phase)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m meshops adopt",
        description="Reads namespaces that run and the traffic they have, and writes the settings entry of each, the "
        "traps it brings with it, and the files for a namespace that Flux or Argo CD owns. Reads only.",
        epilog=f"exit codes: {MEANING}",
    )
    parser.add_argument("--stack", required=True, help="the stack whose Pulumi.<stack>.yaml is read")
    parser.add_argument("--namespaces", nargs="+", default=[], metavar="NAME", help="those to adopt, together")
    parser.add_argument("--directory", type=Path, default=PROGRAM, help="of the program (default: this one)")
    parser.add_argument("--from", dest="source", type=Path, metavar="DIRECTORY", help="recorded, in place of a cluster")
    parser.add_argument(
        "--traffic",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="further traffic: access logs, conntrack, `ss -tn`, requests as JSON lines",
    )
    parser.add_argument("--since", default="24h", help="how far back the proxies' logs are read (%(default)s)")
    parser.add_argument("--phase", choices=get_args(Phase), help="to write, in place of the one that it is in")
    parser.add_argument("--output", type=Path, metavar="DIRECTORY", help="(default: build/adopt/<stack>)")
    parser.add_argument("--write", action="store_true", help="also add the entries to the stack's file")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="(%(default)s)")
    parser.add_argument("--verbose", action="store_true", help="the text with every check's evidence")
    parser.add_argument("--kubeconfig", type=Path, metavar="FILE", help="the cluster's; without it the environment's")
    parser.add_argument("--kubectl", default="kubectl", metavar="PROGRAM", help="(%(default)s)")
    return parser

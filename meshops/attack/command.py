"""The command `attack`: `python -m meshops attack --stack S [--kubeconfig FILE] [--only ID|FAMILY…] [--writes] …`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from configuration.settings import Settings
from meshops.attack.registry import ENTRIES, selected
from meshops.attack.run import AttackOptions, attack
from meshops.checks.command import execute, terminated_as_interrupted
from meshops.checks.model import Report
from meshops.checks.options import UsageError, add_options, add_resolve, resolved
from meshops.progress import Progress

GENERATED = 300
LONG = 2400
"""Generated requests of the short form and of the long one."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    options = _parser().parse_args(arguments)
    # Families as well as ids: the frame of all commands knows only ids.
    only, options.only = tuple(options.only), []
    return execute(
        options,
        command="attack",
        checks=ENTRIES,
        run=lambda settings, progress: _run(options, only, settings, progress),
        interrupted="interrupted; its pods are being removed",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m meshops attack",
        description="Tries on the running cluster every known way through the mesh, by real clients, and legitimate "
        "requests beside them. Makes short-lived pods and removes them. Without --writes nothing that it sends changes "
        "anything, wherever it arrives.",
    )
    add_options(parser)
    parser.add_argument("--kubeconfig", type=Path, metavar="FILE", help="the cluster's; without it the environment's")
    parser.add_argument("--kubectl", default="kubectl", metavar="PROGRAM", help="(%(default)s)")
    parser.add_argument("--writes", action="store_true", help="also what would change something if it succeeded")
    parser.add_argument(
        "--generated", type=int, default=GENERATED, metavar="N", help="generated requests (%(default)s)"
    )
    parser.add_argument(
        "--long", dest="generated", action="store_const", const=LONG, help=f"the same as --generated {LONG}"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the generated requests (%(default)s)")
    add_resolve(parser)
    return parser


def _run(arguments: argparse.Namespace, only: tuple[str, ...], settings: Settings, progress: Progress) -> Report:
    selected(only)
    if arguments.kubeconfig is not None and not arguments.kubeconfig.is_file():
        raise UsageError(f"There is no kubeconfig {arguments.kubeconfig}: name a file, or leave --kubeconfig out.")
    if arguments.generated < 0:
        raise UsageError(f"--generated {arguments.generated} is less than none.")
    options = AttackOptions(
        kubeconfig=arguments.kubeconfig,
        kubectl=arguments.kubectl,
        only=only,
        writes=arguments.writes,
        generated=arguments.generated,
        seed=arguments.seed,
        resolve=resolved(arguments.resolve),
    )
    with terminated_as_interrupted():
        return attack(settings, options, stack=arguments.stack, progress=progress)

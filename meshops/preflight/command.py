"""The command `preflight`: `python -m meshops preflight --stack S [--kubeconfig FILE] [--only ID…] [--format …]`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from meshops.checks.command import execute
from meshops.checks.options import add_options
from meshops.preflight.certificate import MINIMUM_DAYS
from meshops.preflight.run import CHECKS, PreflightOptions, preflight
from meshops.tools import Tools


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    chosen = _parser().parse_args(arguments)
    options = PreflightOptions(
        endpoint_url=chosen.endpoint_url,
        only=tuple(chosen.only),
        minimum_days=chosen.certificate_days,
        tools=Tools(kubectl=chosen.kubectl, kubeconfig=chosen.kubeconfig),
    )
    return execute(
        chosen,
        command="preflight",
        checks=CHECKS,
        run=lambda settings, progress: preflight(settings, options, stack=chosen.stack, progress=progress),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m meshops preflight",
        description="Looks at what AWS and the cluster must already be like for the next `up`. Read-only.",
    )
    add_options(parser)
    # What it was called before every command had --format.
    parser.add_argument(
        "--json", action="store_const", const="json", dest="format", default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )
    parser.add_argument("--endpoint-url", help="a stand-in for AWS, such as the lab's, in place of AWS itself")
    parser.add_argument("--kubeconfig", type=Path, metavar="FILE", help="the cluster's; without it the environment's")
    parser.add_argument("--kubectl", default="kubectl", metavar="PROGRAM", help="(%(default)s)")
    parser.add_argument(
        "--certificate-days",
        type=int,
        default=MINIMUM_DAYS,
        metavar="DAYS",
        help="what the certificate must have left (%(default)s)",
    )
    return parser

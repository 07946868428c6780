"""The command `verify`: `python -m meshops verify --stack S [--kubeconfig FILE] [--only ID…] [--format …]`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from configuration.settings import Settings
from meshops.checks.command import execute, terminated_as_interrupted
from meshops.checks.model import Report
from meshops.checks.options import UsageError, add_options, add_resolve, resolved
from meshops.progress import Progress
from meshops.verify.registry import CHECKS
from meshops.verify.run import VerifyOptions, verify


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    options = _parser().parse_args(arguments)
    return execute(
        options,
        command="verify",
        checks=CHECKS,
        run=lambda settings, progress: _run(options, settings, progress),
        interrupted="interrupted; its probe pods are being removed",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m meshops verify",
        description="Proves on the running cluster, by sending traffic, that the stack's mesh holds. Makes short-lived "
        "probe pods and removes them.",
    )
    add_options(parser)
    parser.add_argument("--kubeconfig", type=Path, metavar="FILE", help="the cluster's; without it the environment's")
    parser.add_argument("--namespace", nargs="+", default=[], metavar="NAME", help="applications of these namespaces")
    parser.add_argument("--kubectl", default="kubectl", metavar="PROGRAM", help="(%(default)s)")
    parser.add_argument("--istioctl", default="istioctl", metavar="PROGRAM", help="(%(default)s)")
    parser.add_argument("--endpoint-url", help="a stand-in for AWS, in place of AWS_ENDPOINT_URL or AWS itself")
    add_resolve(parser)
    return parser


def _run(arguments: argparse.Namespace, settings: Settings, progress: Progress) -> Report:
    if arguments.kubeconfig is not None and not arguments.kubeconfig.is_file():
        raise UsageError(f"There is no kubeconfig {arguments.kubeconfig}: name a file, or leave --kubeconfig out.")
    options = VerifyOptions(
        kubeconfig=arguments.kubeconfig,
        only=tuple(arguments.only),
        namespaces=tuple(arguments.namespace),
        kubectl=arguments.kubectl,
        istioctl=arguments.istioctl,
        aws_endpoint_url=arguments.endpoint_url,
        resolve=resolved(arguments.resolve),
    )
    with terminated_as_interrupted():
        return verify(settings, options, stack=arguments.stack, progress=progress)

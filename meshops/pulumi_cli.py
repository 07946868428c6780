"""The command `pulumi`: calls the real Pulumi CLI for a stack, as `make preview|up|destroy STACK=…` does.

The CLI is the one part of the program that no package registry carries. It is looked for before anything else, and
its version is checked, since an older one misreads this project's file or the SDK.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from meshops.checks.exit_codes import WRONG_USAGE
from versions import PULUMI_CLI_MINIMUM

if TYPE_CHECKING:
    from configuration.settings import Settings

LAB = "lab"
_PROGRAM = Path(__file__).resolve().parent.parent
POLICY_PACK = _PROGRAM / "policy"
_GET = "get it as https://www.pulumi.com/docs/install/ says"


class CliError(Exception):
    """Why the CLI cannot be called, in one line."""


def find(minimum: str = PULUMI_CLI_MINIMUM) -> str:
    """The path of a Pulumi CLI that is new enough. Raises `CliError`."""
    path = shutil.which("pulumi")
    if path is None:
        raise CliError(f"The Pulumi CLI ({minimum} or newer) is not on the PATH: {_GET}.")
    answer = subprocess.run([path, "version"], capture_output=True, text=True, check=False, timeout=60)
    found = re.search(r"v?(\d+\.\d+\.\d+)", answer.stdout)
    if answer.returncode != 0 or found is None:
        raise CliError(
            f"{path} does not tell its version ({answer.stderr.strip() or answer.stdout.strip()!r}): {_GET}."
        )
    if _numbers(found.group(1)) < _numbers(minimum):
        raise CliError(f"{path} is {found.group(1)}, and {minimum} or newer is needed: {_GET}.")
    return path


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _refuse_protected(stack: str, rest: list[str]) -> None:
    """A protected load balancer holds its finalizer for 20 minutes before a destroy gives up, with half of it gone.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html
    Raises `CliError`. What a stack file that cannot be read means, the CLI says itself.
    """
    if any(option.startswith(("--target", "-t")) for option in rest):
        return
    # Only here: a preview or an update would wait most of a second for settings that the program reads anyway.
    from configuration.problems import SettingsError
    from meshops.stack_settings import stack_settings
    from offline.stack_files import StackError

    try:
        protected = list(_protections(stack_settings(_PROGRAM, stack)))
    except (SettingsError, StackError):
        return
    if protected:
        raise CliError(
            f"Stack {stack} is protected: {' and '.join(protected)} in its file would stop this half way. "
            f"Set {'both' if len(protected) > 1 else 'it'} to false, `make up STACK={stack}`, then destroy "
            "(docs/runbooks/destroy.md)."
        )


def _protections(settings: Settings) -> Iterator[str]:
    if settings.cluster.deletion_protection and not settings.cluster.existing:
        yield "cluster.deletionProtection"
    if settings.load_balancer.deletion_protection:
        yield "loadBalancer.deletionProtection"


def main(arguments: list[str]) -> int:
    """Returns an exit code only if the CLI cannot be called; otherwise this process becomes the CLI."""
    parser = argparse.ArgumentParser(
        prog="python -m meshops pulumi",
        description="Runs the real Pulumi CLI for a stack. Options that are not named here are passed on to it.",
    )
    parser.add_argument("command", choices=("preview", "up", "destroy"))
    parser.add_argument("--stack", required=True)
    chosen, rest = parser.parse_known_args(arguments)
    try:
        if chosen.stack == LAB:
            raise CliError(f"Stack {LAB} is not for an AWS account: it runs on this machine, with `make lab`.")
        path = find()
        if chosen.command == "destroy" and not {"--help", "-h", "--preview-only"} & {*rest}:
            _refuse_protected(chosen.stack, rest)
    except CliError as error:
        print(error, file=sys.stderr)
        return WRONG_USAGE
    # What a preview finds stops the update that begins with it. A destroy is judged by nobody: it takes all away.
    pack = [] if chosen.command == "destroy" else ["--policy-pack", str(POLICY_PACK)]
    return os.execv(path, [path, chosen.command, "--stack", chosen.stack, *pack, *rest])

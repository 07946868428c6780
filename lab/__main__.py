"""The lab's commands: `python -m lab --help` lists them."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

from lab.errors import LabError

_INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command. runs: `<module below lab>:<function>`, imported when asked for: the Pulumi SDK takes a second.

    arguments: as `add_argument` takes them; passes_on: what else is given are another command's own arguments
    """

    runs: str
    help: str
    arguments: tuple[tuple[tuple[str, ...], Mapping[str, Any]], ...] = ()
    passes_on: bool = False

    def function(self) -> Callable[[argparse.Namespace], int]:
        module, _, name = self.runs.partition(":")
        return getattr(import_module(f"lab.{module}"), name)


def _argument(*names: str, **how: Any) -> tuple[tuple[str, ...], Mapping[str, Any]]:
    return names, how


COMMANDS: dict[str, Command] = {
    "up": Command(
        runs="commands.up:command",
        help="Brings the lab up, or up to date, reports what is in it, and proves by traffic that it holds",
        arguments=(
            _argument("--keep", action="store_true", help="leave a lab that fails on its way up, to look at it"),
            _argument("--no-proofs", dest="prove", action="store_false", help="bring it up and no more"),
            _argument("--gitops", action="store_true", help="with Flux and a Git server for it (Go; builds it once)"),
        ),
    ),
    "down": Command(runs="commands.whole:down", help="Stops and removes the lab"),
    "destroy": Command(
        runs="commands.destroying:command",
        help="Takes the stack down in the program's order, as `pulumi destroy` would, and then the lab",
        arguments=(_argument("--keep", action="store_true", help="leave the lab itself"),),
    ),
    "status": Command(runs="commands.whole:status", help="Which of the lab's processes run; 0 only if all of them do"),
    "kubeconfig": Command(runs="commands.whole:kubeconfig", help="The kubeconfig's path and nothing else"),
    "toolchain": Command(
        runs="commands.whole:toolchain",
        help="Builds the lab's programs, if they are not in the cache, and starts nothing",
    ),
    "vet": Command(runs="commands.whole:vet", help="gofmt and go vet over the lab's own Go"),
    "shell": Command(
        runs="commands.shell:command",
        help="A shell in a container of a pod, or a command there (after `--`)",
        arguments=(
            _argument("pod", help="its name, namespace/name, or how it begins"),
            _argument("-c", "--container", help="the pod's default container if not given"),
            _argument("command", nargs="*", help="a shell if not given"),
        ),
    ),
    "logs": Command(
        runs="commands.pod_logs:command",
        help="The access logs of all sidecars and gateways, or all that one pod writes",
        arguments=(
            _argument("pod", nargs="?", default="all", help="all (the default), or one pod"),
            _argument("--follow", action="store_true", help="go on until interrupted"),
        ),
    ),
    "verify": Command(
        runs="commands.verification:run",
        help="The proofs of `meshops verify` on the running lab; what follows are that command's own arguments",
        passes_on=True,
    ),
    "attack": Command(
        runs="commands.attacking:run",
        help="The attempts of `meshops attack` on the running lab; what follows are that command's own arguments",
        passes_on=True,
    ),
    "waves": Command(
        runs="commands.waving:run",
        help="The steps of `meshops waves` on the running lab; what follows are that command's own arguments",
        passes_on=True,
    ),
    "bench": Command(
        runs="commands.bench:command",
        help="Measures what pods with sidecars cost on the running lab; 1 if they do not fit",
        arguments=(_argument("--pods", type=int, default=50, metavar="N", help="with sidecars (%(default)s)"),),
    ),
    "netpol-conformance": Command(
        runs="commands.netpol_conformance:command",
        help="Runs Kubernetes' own NetworkPolicy tests against the running lab; 0 only if all of them pass",
        arguments=(_argument("--short", action="store_true", help="a few of them, in two minutes"),),
    ),
    "costs": Command(
        runs="costs.command:run",
        help="Measures what a request takes on the running lab, by layer and by part, and what the proxies hold",
        arguments=(
            _argument("--tables", default="", help="layers, parts, proxies, services; all if not given"),
            _argument("--seconds", type=float, default=10.0, metavar="S", help="of each load (%(default)s)"),
            _argument("--services", default="10,100,1000", metavar="N,…", help="how many of them (%(default)s)"),
            _argument("--requests", type=int, default=2000, metavar="N", help="one after the other (%(default)s)"),
        ),
    ),
    "reliability": Command(
        runs="reliability.command:run",
        help="Does steps under load on the running lab and counts what is lost; 0 if no planned step lost anything",
        arguments=(
            _argument("--steps", default="", help="their names; all if not given"),
            _argument("--write", action="store_true", help="write their rows into docs/reliability.md too"),
            _argument("--no-controls", dest="controls", action="store_false", help="leave the naive ways out"),
        ),
    ),
    "example": Command(
        runs="commands.examples:command",
        help="Runs one of the examples on the running lab; 0 only if all it expects held",
        arguments=(_argument("name", help="a directory of examples/ with a run.py"),),
    ),
    "traps": Command(
        runs="traps.command:run",
        help="Measures traps 3 and 5 on the running lab and prints what was found; the mesh is then as it was",
        arguments=(_argument("--write", action="store_true", help="write the tables into docs/traps.md too"),),
    ),
    "image": Command(
        runs="commands.images:command",
        help="Takes an image of yours (a tar of docker save, or an OCI layout) for the lab's nodes to pull",
        arguments=(
            _argument("file", type=Path, help="the archive"),
            _argument("--name", help="what pods call it, if the archive does not say"),
        ),
    ),
    "onboard": Command(
        runs="commands.onboarding:onboard",
        help="Brings the running lab to its stack with the namespaces of a file added, or shows what that would change",
        arguments=(
            _argument("entry", type=Path, help="a list of namespaces, as in a stack's file"),
            _argument("--plan", action="store_true", help="only print what would change, as Markdown"),
        ),
    ),
    "offboard": Command(
        runs="commands.onboarding:offboard", help="Brings the running lab back to its stack as the file has it"
    ),
}


def main(arguments: list[str]) -> int:
    """Runs one command and returns the process's exit code: 0, 1 for a failure, 2 for wrong usage, 130 interrupted."""
    signal.signal(signal.SIGTERM, _terminated)
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    chosen = COMMANDS[options.chosen]
    if rest and not chosen.passes_on:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    try:
        return int(chosen.function()(options))
    except (LabError, *_program_errors()) as problem:
        print(f"lab: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr)
        return _INTERRUPTED


def _program_errors() -> tuple[type[Exception], ...]:
    """What is wrong with the stack's file; looked at only when something was raised."""
    from configuration.problems import SettingsError
    from offline.stack_files import StackError

    return SettingsError, StackError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    subcommands = parser.add_subparsers(required=True, metavar="command", dest="chosen")
    for name, command in COMMANDS.items():
        subcommand = subcommands.add_parser(name, help=command.help, description=command.help)
        for names, how in command.arguments:
            subcommand.add_argument(*names, **how)
    return parser


def _terminated(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

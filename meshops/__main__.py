"""The operator's command line: `python -m meshops <command>`."""

from __future__ import annotations

import gc
import importlib
import sys
import time
from dataclasses import dataclass

from meshops.checks.exit_codes import MEANING, PASSED, WRONG_USAGE

STARTED = time.perf_counter()  # before a command's own imports: they are most of a small plan's time


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command. module, function: what runs it: takes the arguments after its name, returns the exit code.

    timed: it is also told when the process began (`started`), to say how long it took.
    """

    name: str
    says: str
    module: str
    function: str = "main"
    timed: bool = False

    def run(self, arguments: list[str]) -> int:
        # Imported only when it is called: preflight and verify need no Pulumi, and plan no boto3.
        main = getattr(importlib.import_module(self.module), self.function)
        return main(arguments, started=STARTED) if self.timed else main(arguments)


COMMANDS: tuple[Command, ...] = (
    Command(
        name="plan",
        says="what a stack would make, without credentials or network",
        module="meshops.plan.command",
        timed=True,
    ),
    Command(
        name="policy",
        says="what the policy pack finds in that plan; the same rules as --policy-pack policy",
        module="meshops.plan.policy",
    ),
    Command(
        name="review",
        says="what a pull request changes: the comment that its reviewer reads",
        module="meshops.review.command",
        timed=True,
    ),
    Command(
        name="pulumi",
        says="preview, up or destroy by the Pulumi CLI (AWS credentials)",
        module="meshops.pulumi_cli",
    ),
    Command(
        name="preflight",
        says="will the load balancer find its subnets and its certificate? (asks AWS)",
        module="meshops.preflight.command",
    ),
    Command(
        name="adopt",
        says="from namespaces that run, and their traffic, to their entry in the stack's settings",
        module="meshops.adopt.command",
    ),
    Command(
        name="verify",
        says="does the mesh hold? proofs on the running cluster, made by sending traffic",
        module="meshops.verify.command",
    ),
    Command(
        name="attack",
        says="every known way through the mesh, tried on the running cluster; it must fail",
        module="meshops.attack.command",
    ),
    Command(
        name="waves",
        says="where each namespace stands on its way into the mesh; the next step, its gate, the way back",
        module="meshops.waves.command",
    ),
    Command(
        name="bench",
        says="how a plan's time and memory grow with the number of applications",
        module="meshops.bench",
    ),
)


def usage() -> str:
    width = max(len(command.name) for command in COMMANDS)
    listed = "\n".join(f"  {command.name.ljust(width)}  {command.says}" for command in COMMANDS)
    return (
        "usage: python -m meshops <command> [options]      (each command has --help)\n\n"
        f"{listed}\n\nexit codes: {MEANING}\n"
    )


def main(arguments: list[str]) -> int:
    """Runs one command and returns the process's exit code."""
    name, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    for command in COMMANDS:
        if command.name == name:
            return command.run(rest)
    asked = name in ("-h", "--help", "help")
    print(usage(), end="", file=sys.stdout if asked else sys.stderr)
    if name and not asked:
        known = ", ".join(command.name for command in COMMANDS)
        print(f"\nunknown command {name!r}: there are {known}", file=sys.stderr)
    return PASSED if asked else WRONG_USAGE


if __name__ == "__main__":
    # A plan makes millions of objects that live until it ends. By default Python looks through them again for every 700
    # new ones, which takes a quarter of the time of a large plan.
    gc.set_threshold(50_000, 20, 20)
    code = main(sys.argv[1:])
    # And once more when it ends: a third of the time of a small plan.
    gc.freeze()
    sys.exit(code)

"""The lab's commands: `python -m lab --help` lists them."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from lab.build import build
from lab.cluster import lifecycle
from lab.commands import examples, pod_logs
from lab.commands import shell as pod_shell
from lab.errors import LabError
from lab.progress import TerminalProgress

# What runs the program is imported where it is needed: the Pulumi SDK takes a second, and `shell` and `logs` must not.

PROGRAM = Path(__file__).resolve().parent.parent
_INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """Runs one command and returns the process's exit code: 0, 1 for a failure, 2 for wrong usage, 130 interrupted."""
    signal.signal(signal.SIGTERM, _terminated)
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.run is not verify:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    try:
        return int(options.run(options))
    except (LabError, *_program_errors()) as problem:
        print(f"lab: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr)
        return _INTERRUPTED


def up(options: argparse.Namespace) -> int:
    """Brings the lab up, or up to date, reports what is in it, and proves by traffic that it holds."""
    from lab.commands import up as up_command

    return up_command.up(PROGRAM, keep=options.keep, prove=options.prove)


def down(options: argparse.Namespace) -> int:
    """Stops and removes the lab."""
    print("the lab is stopped and removed" if lifecycle.down() else "no lab is running here")
    return 0


def status(options: argparse.Namespace) -> int:
    """What of the lab runs; 0 only if all of it does."""
    from lab.aws import moto
    from lab.load_balancer import running

    rows = [(row.name, row.state, row.detail) for row in lifecycle.status()]
    state = lifecycle.current_state()
    endpoint = moto.endpoint_of(state)
    rows.append(("moto", "running" if endpoint else "absent", endpoint or "the stand-in for AWS"))
    alive = {record.name: record.pid for record in state.records() if record.alive()}
    for name, part in ((running.CONTROLLER, "load balancer controller"), (running.ENVOY, "ALB and NLB")):
        detail = f"process {alive[name]}" if name in alive else f"the stand-in for {part}"
        rows.append((name, "running" if name in alive else "absent", detail))
    for name, condition, detail in rows:
        print(f"{name:26}{condition:10}{detail}")
    # Pods come and go; everything else must be there.
    return 0 if all(condition == "running" for name, condition, _ in rows if name != "pods' processes") else 1


def kubeconfig(options: argparse.Namespace) -> int:
    """The kubeconfig's path and nothing else."""
    print(lifecycle.kubeconfig_path())
    return 0


def toolchain(options: argparse.Namespace) -> int:
    """Builds the lab's programs, if they are not in the cache, and starts nothing."""
    build.ensure(TerminalProgress())
    return 0


def shell(options: argparse.Namespace) -> int:
    """A shell in a container of a pod, or a command there (after `--`)."""
    return pod_shell.shell(lifecycle.running(), options.pod, options.container, options.command)


def logs(options: argparse.Namespace) -> int:
    """The access logs of all sidecars and gateways, or all that one pod writes."""
    return pod_logs.show(lifecycle.running(), options.pod, follow=options.follow)


def verify(options: argparse.Namespace) -> int:
    """The proofs of `meshops verify` on the running lab; what follows are that command's own arguments."""
    from lab.commands import verification
    from lab.commands.bringing_up import STACK

    return verification.run(STACK, options.rest)


def bench(options: argparse.Namespace) -> int:
    """Measures what pods with sidecars cost on the running lab; 1 if they do not fit."""
    from lab.commands import bench as pod_bench
    from lab.commands.bringing_up import STACK
    from meshops.stack_settings import stack_settings

    result = pod_bench.measure(lifecycle.running(), stack_settings(PROGRAM, STACK), options.pods)
    print(pod_bench.text(result))
    return 0 if result.fits else 1


def example(options: argparse.Namespace) -> int:
    """Runs one of the examples on the running lab; 0 only if all it expects held."""
    return examples.run(options.name, TerminalProgress())


def traps(options: argparse.Namespace) -> int:
    """Measures traps 3 and 5 on the running lab and prints what was found; the mesh is then as it was."""
    from lab.commands.bringing_up import STACK
    from lab.traps import command as traps_command
    from meshops.stack_settings import stack_settings

    return traps_command.run(stack_settings(PROGRAM, STACK), TerminalProgress(), write=options.write)


def onboard(options: argparse.Namespace) -> int:
    """Brings the running lab to its stack with the namespaces of a file added, or shows what that would change."""
    from lab.commands import onboarding

    if options.plan:
        print(onboarding.difference(PROGRAM, options.entry))
        return 0
    print(onboarding.summary(onboarding.apply(PROGRAM, options.entry, TerminalProgress())))
    return 0


def offboard(options: argparse.Namespace) -> int:
    """Brings the running lab back to its stack as the file has it."""
    from lab.commands import onboarding

    print(onboarding.summary(onboarding.apply(PROGRAM, None, TerminalProgress())))
    return 0


def _program_errors() -> tuple[type[Exception], ...]:
    """What is wrong with the stack's file; looked at only when something was raised."""
    from configuration.problems import SettingsError
    from offline.stack_files import StackError

    return SettingsError, StackError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    subcommands = parser.add_subparsers(required=True, metavar="command")
    for command in (
        up,
        down,
        status,
        kubeconfig,
        toolchain,
        shell,
        logs,
        verify,
        bench,
        example,
        traps,
        onboard,
        offboard,
    ):
        description = (command.__doc__ or "").rstrip(".")
        subcommand = subcommands.add_parser(command.__name__, help=description, description=description)
        subcommand.set_defaults(run=command)
        if command is up:
            subcommand.add_argument(
                "--keep", action="store_true", help="leave a lab that fails on its way up as it is, to look at it"
            )
            subcommand.add_argument("--no-proofs", dest="prove", action="store_false", help="bring it up and no more")
        if command is shell:
            subcommand.add_argument("pod", help="its name, namespace/name, or how it begins")
            subcommand.add_argument("-c", "--container", help="the pod's default container if not given")
            subcommand.add_argument("command", nargs="*", help="a shell if not given")
        if command is logs:
            subcommand.add_argument("pod", nargs="?", default=pod_logs.ALL, help="all (the default), or one pod")
            subcommand.add_argument("--follow", action="store_true", help="go on until interrupted")
        if command is bench:
            subcommand.add_argument("--pods", type=int, default=50, metavar="N", help="with sidecars (%(default)s)")
        if command is example:
            subcommand.add_argument("name", help=", ".join(examples.names()))
        if command is traps:
            subcommand.add_argument("--write", action="store_true", help="write the tables into docs/traps.md too")
        if command is onboard:
            subcommand.add_argument("entry", type=Path, help="a list of namespaces, as in a stack's file")
            subcommand.add_argument("--plan", action="store_true", help="only print what would change, as Markdown")
    return parser


def _terminated(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

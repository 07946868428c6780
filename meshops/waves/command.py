"""The command `waves`: `python -m meshops waves status|next|check|shadow|rollback --stack S …`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from configuration.problems import SettingsError
from configuration.settings import Settings
from meshops.checks.command import execute
from meshops.checks.exit_codes import FAILED, INTERRUPTED, MEANING, PASSED, UNKNOWN, WRONG_USAGE
from meshops.checks.model import Report, Table, Unavailable
from meshops.checks.options import UsageError, add_options
from meshops.checks.text import style_of, table_lines
from meshops.progress import Progress, terminal_progress
from meshops.stack_settings import PROGRAM, stack_settings
from meshops.tools import ToolError, Tools
from meshops.waves import picture, rollback
from meshops.waves.order import Step, next_step, own_rules, waves, way_back
from meshops.waves.patch import Patch, patch
from meshops.waves.record import sign
from meshops.waves.run import ALL, CheckOptions, check, look, scope
from meshops.waves.shadow import as_table, judged, refusals
from meshops.waves.stages import Standing, stage_of
from meshops.waves.traffic import gather_window
from offline.stack_files import StackError

_WINDOW = 600


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.does is _check:
        return _check(options)
    try:
        settings = stack_settings(options.directory, options.stack)
        with terminal_progress() as progress:
            return options.does(options, settings, progress)
    except (StackError, UsageError) as problem:
        print(problem, file=sys.stderr)
        return WRONG_USAGE
    except (SettingsError, ToolError) as problem:
        print(problem, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("waves: interrupted", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m meshops waves",
        description="Brings namespaces into the mesh, one step after the other, and back out.",
        epilog=f"exit codes: {MEANING}",
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(
        name: str, does: Callable[..., int], says: str, *, cluster: bool = True, checks: bool = False
    ) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=says, description=says, epilog=f"exit codes: {MEANING}")
        found.set_defaults(does=does)
        if checks:
            add_options(found)
        else:
            found.add_argument("--stack", required=True, help="the stack whose Pulumi.<stack>.yaml is read")
            found.add_argument("--directory", type=Path, default=PROGRAM, help="of the program (default: this one)")
        if cluster:
            found.add_argument("--kubeconfig", type=Path, metavar="FILE", help="without it the environment's")
            found.add_argument("--kubectl", default="kubectl", metavar="PROGRAM", help="(%(default)s)")
        return found

    status = command("status", _status, "where each namespace stands, by the settings and by the cluster")
    status.add_argument("--picture", type=Path, metavar="FILE", help="the same as SVG")
    following = command("next", _next, "the next step, as a patch of the stack's file", cluster=False)
    following.add_argument("--whole-wave", action="store_true", help="all namespaces of the wave, not the first one")
    following.add_argument("--write", action="store_true", help="change the file as well")
    gates = command("check", _check, "the gate of the step that was taken, measured on the cluster", checks=True)
    _add_window(gates)
    gates.add_argument("--before", type=Path, metavar="FILE", help="the record of a check before the step")
    gates.add_argument(
        "--after", type=Path, metavar="FILE", help="the signed record of the environment before this one"
    )
    gates.add_argument("--allowed-signers", type=Path, metavar="FILE", help="who may have signed it: ssh-keygen(1)")
    gates.add_argument("--record", type=Path, metavar="FILE", help="write what was found there")
    gates.add_argument("--sign", type=Path, metavar="KEY", help="sign that record with this SSH key: FILE.sig")
    shadow = command("shadow", _shadow, "which real requests the policies that are tried out would have refused")
    _add_window(shadow)
    back = command("rollback", _rollback, "the way back, as a patch; at once on the cluster with --now")
    back.add_argument("--namespace", nargs="+", required=True, metavar="NAME")
    back.add_argument("--level", type=int, choices=(1, 2), default=1, help="1: PERMISSIVE; 2: out of the mesh")
    back.add_argument("--write", action="store_true", help="change the stack's file as well")
    back.add_argument("--now", action="store_true", help="on the cluster too, at once")
    return parser


def _add_window(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--namespace", nargs="+", default=[], metavar="NAME", help="these only")
    parser.add_argument("--window", type=int, default=_WINDOW, metavar="SECONDS", help="looked back (%(default)s)")
    parser.add_argument("--since", type=_time, metavar="TIME", help="instead: when the step was done, as date -Is says")


def _tools(options: argparse.Namespace) -> Tools:
    if options.kubeconfig is not None and not options.kubeconfig.is_file():
        raise UsageError(f"There is no kubeconfig {options.kubeconfig}: name a file, or leave --kubeconfig out.")
    return Tools(kubectl=options.kubectl, kubeconfig=options.kubeconfig)


def _status(options: argparse.Namespace, settings: Settings, progress: Progress) -> int:
    looked = look(_tools(options), scope(options.stack, settings, ()))
    if isinstance(looked, Unavailable):
        print(f"{looked.reason}\n{looked.remedy}", file=sys.stderr)
        return UNKNOWN
    _, standings = looked
    if options.picture:
        drawn = picture.render(settings, standings, stack=options.stack, when=datetime.now(UTC))
        options.picture.write_text(drawn, encoding="utf-8")
    _print(_as_table(settings, standings))
    wrong = [f"{one.namespace}: {line}" for one in standings for line in one.contradictions]
    print("\n".join(("", *(wrong or ("The cluster is where the settings say.",)))))
    return FAILED if wrong else PASSED


def _as_table(settings: Settings, standings: Sequence[Standing]) -> Table:
    by_name = {standing.namespace: standing for standing in standings}
    special = {namespace.name: own_rules(namespace) for namespace in settings.namespaces}
    return Table(
        header=("Wave", "Namespace", "Settings", "Cluster", "Sidecars", "Of its own"),
        rows=tuple(
            (
                wave.name,
                name,
                by_name[name].declared,
                by_name[name].live or "(not there)",
                f"{by_name[name].meshed} of {by_name[name].pods}",
                ", ".join(sorted(special[name])) or "-",
            )
            for wave in waves(settings)
            for name in wave.namespaces
        ),
    )


def _print(table: Table) -> None:
    for line in table_lines(table, style_of(sys.stdout)):
        print(line)


def _next(options: argparse.Namespace, settings: Settings, progress: Progress) -> int:
    step = next_step(settings, whole_wave=options.whole_wave)
    if not step.moves:
        print(f"# {step.title}: {step.why}.")
        return PASSED
    return _propose(options, settings, step, patch(options.directory, options.stack, step.moves))


def _propose(options: argparse.Namespace, settings: Settings, step: Step, made: Patch) -> int:
    """The patch on standard output, as `git apply` takes it."""
    stages = {namespace.name: stage_of(namespace) for namespace in settings.namespaces}
    for name, stage in step.moves.items():
        print(f"# {step.title}: {name}: {stages[name]} -> {stage} ({step.why})")
    if step.named:
        print(f"# The gateway serves the hosts of {', '.join(step.named)} as before: their DNS records stay.")
    print(made.diff(), end="")
    if options.write:
        made.write()
    return PASSED


def _check(options: argparse.Namespace) -> int:
    if options.sign and not options.record:
        print("--sign needs --record: what is to be signed.", file=sys.stderr)
        return WRONG_USAGE
    return execute(
        options, command="waves check", checks=ALL, run=lambda settings, progress: _gates(options, settings, progress)
    )


def _gates(options: argparse.Namespace, settings: Settings, progress: Progress) -> Report:
    report, record = check(
        settings,
        CheckOptions(
            namespaces=tuple(options.namespace),
            only=tuple(options.only),
            since=_since(options),
            before=options.before,
            after=options.after,
            allowed_signers=options.allowed_signers,
            program=options.directory,
        ),
        _tools(options),
        stack=options.stack,
        progress=progress,
    )
    if options.record:
        options.record.write_text(record.render(), encoding="utf-8")
        if options.sign:
            sign(options.record, options.sign)
    return report


def _since(options: argparse.Namespace) -> datetime:
    now = datetime.now(UTC)
    if options.since is not None:
        if options.since > now:
            raise UsageError(f"--since {options.since.isoformat()} is to come.")
        return options.since
    if options.window < 1:
        raise UsageError(f"--window {options.window}: it is a number of seconds, 1 at least.")
    return now - timedelta(seconds=options.window)


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if found.tzinfo is None:
        raise ValueError("a time without its zone")
    return found


def _shadow(options: argparse.Namespace, settings: Settings, progress: Progress) -> int:
    tools, there = _tools(options), scope(options.stack, settings, tuple(options.namespace))
    looked = look(tools, there)
    if isinstance(looked, Unavailable):
        print(f"{looked.reason}\n{looked.remedy}", file=sys.stderr)
        return UNKNOWN
    window = gather_window(tools, there, looked[0], _since(options))
    names = [namespace.name for namespace in there.namespaces if namespace.in_mesh]
    tried = sum(judged(line) for name in names for line in window.inbound(name))
    found = sum((refusals(window, name) for name in names), refusals(window, ""))
    for where, problem in window.unread.items():
        print(f"{where}: its log could not be read: {problem}", file=sys.stderr)
    if found:
        _print(as_table(found))
    print(f"{found.total()} of {tried} requests in {window.seconds} s would have been refused.")
    if found:
        return FAILED
    return PASSED if tried and not window.unread else UNKNOWN


def _rollback(options: argparse.Namespace, settings: Settings, progress: Progress) -> int:
    scope(options.stack, settings, tuple(options.namespace))
    step = way_back(settings, tuple(options.namespace), options.level)
    if not step.moves:
        print(f"# {step.title}: nothing to do, {', '.join(options.namespace)} took that way already.")
        return PASSED
    # First: a step that the rules of the settings refuse is none for the cluster either.
    made = patch(options.directory, options.stack, step.moves, named=step.named)
    if options.now:
        _now(options, settings, step, progress)
    return _propose(options, settings, step, made)


def _now(options: argparse.Namespace, settings: Settings, step: Step, progress: Progress) -> None:
    if in_git := rollback.taken_back(settings, step):
        print(f"# Whoever delivers {', '.join(in_git)} from Git takes this back there at the next reconciliation.")
        print("# Stop that first (flux suspend kustomization NAME, Argo CD without automated sync) and start it again")
        print("# once its repository has the files that `make plan` writes after the patch below.")
    done = rollback.apply(_tools(options), settings, step, progress)
    print("# Done on the cluster, and not in the settings:")
    for line in done:
        print(f"#   {line}")
    checks = ", ".join(rollback.found_by(settings, step))
    print(f"# Until the patch below is merged and deployed, waves check and verify fail on it: {checks}.")
    print(
        "# Import what was made (docs/runbooks/migration.md), then deploy the patch, even to go forward again at once:"
    )
    print("# `pulumi up --refresh` of the settings before sets back what changed, and leaves what was made.")

"""The lab's processes as rows of a table, and what is done with such rows: started in order, stopped in reverse.

A process is started so that its record exists first, and only what was recorded is stopped.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.cluster import network
from lab.cluster.control_plane import ControlPlane
from lab.errors import LabError
from lab.paths import PROGRAM
from lab.state import ProcessRecord, State
from lab.waiting import patiently, until

TERM_SECONDS = 10.0
_KILL_SECONDS = 30.0
_POLL_SECONDS = 0.05

# The shell writes its own stat line, then becomes the program: same process, same start time.
_RECORD_AND_BECOME = 'cat "/proc/$$/stat" >"$0" && exec "$@"'

Command = Sequence[str | Path]
Running = Mapping[str, subprocess.Popen[bytes]]


@dataclass(frozen=True, kw_only=True)
class Process:
    """One row. name: of the process, its record and its log; part: what it is, for people.

    command: its command line; may write the configuration that this names
    ports:   that it needs on the bridge's address
    after:   the rows before it that must be ready before it starts, and run until it is ready
    join:    puts it into the lab's network, given the processes that were started so far
    ready:   whether it does its work; None where nobody needs to wait for that
    where:   what `lab status` says of it beside its process id
    """

    name: str
    part: str
    command: Callable[[ControlPlane], Command]
    ports: tuple[int, ...] = ()
    after: tuple[str, ...] = ()
    join: Callable[[ControlPlane, Running], None] | None = None
    ready: Callable[[ControlPlane], bool] | None = None
    seconds: float = 60.0
    where: Callable[[State], str] = lambda state: ""


@dataclass(frozen=True, kw_only=True)
class StatusRow:
    """One part of the lab; `state` is one of running, stopped, absent."""

    name: str
    state: str
    detail: str


def start(plane: ControlPlane, table: Sequence[Process]) -> None:
    """Starts every row; returns when all are ready. Raises LabError with the last line of a log."""
    for row in table:
        for port in row.ports:
            network.require_free(plane.network.address, port, row.name)
    running: dict[str, subprocess.Popen[bytes]] = {}
    waiting = {row.name: row for row in table}
    for row in table:
        for name in row.after:
            _await(plane, waiting.pop(name, None), running)
        running[row.name] = spawn(plane.state, row.name, row.command(plane))
        if row.join is not None:
            row.join(plane, running)
    for row in tuple(waiting.values()):
        _await(plane, row, running)


def stop(state: State, table: Sequence[Process]) -> None:
    """Stops what runs of the rows, one after the other, the last first."""
    for row in reversed(table):
        if record := state.alive().get(row.name):
            stop_recorded([record])


def status(state: State, table: Sequence[Process]) -> tuple[StatusRow, ...]:
    """How each row is, from the records alone."""
    records = {record.name: record for record in state.records()}
    return tuple(_status(state, row, records.get(row.name)) for row in table)


def spawn(state: State, name: str, command: Command) -> subprocess.Popen[bytes]:
    """Starts a process that outlives this one; its output goes to a log file of its name."""
    record = state.processes / f"{name}.stat"
    record.touch()
    with log_file(state, name).open("ab") as log:
        try:
            return subprocess.Popen(
                ["/bin/sh", "-c", _RECORD_AND_BECOME, str(record), *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=state.root,
                env={
                    "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
                    "HOME": str(state.root),
                    "TMPDIR": str(state.temporary),
                },
                start_new_session=True,
            )
        except OSError as problem:
            raise LabError(f"{name} could not be started: {problem}") from problem


def python(module: str, *arguments: str | Path) -> list[str | Path]:
    """The command line of a module of this program."""
    environment = (f"PYTHONPATH={PROGRAM}", "PYTHONDONTWRITEBYTECODE=1")
    return ["/usr/bin/env", *environment, sys.executable, "-m", module, *arguments]


def stop_recorded(records: Iterable[ProcessRecord], seconds: float = TERM_SECONDS) -> None:
    """SIGTERM to each that still is the process that was recorded, SIGKILL to those that stay."""

    def alive(wanted: Iterable[ProcessRecord]) -> list[ProcessRecord]:
        return [record for record in wanted if record.alive()]

    living = alive(records)
    for record in living:
        _signal(record, signal.SIGTERM)
    staying = patiently(lambda: alive(living), lambda left: not left, seconds=seconds, pause=_POLL_SECONDS)
    for record in staying:
        _signal(record, signal.SIGKILL)
    what = f"the end of {', '.join(record.name for record in staying)}"
    until(lambda: not alive(staying), seconds=_KILL_SECONDS, pause=_POLL_SECONDS, what=what)


def log_file(state: State, name: str) -> Path:
    """Where a process's output is."""
    return state.logs / f"{name}.log"


def last_words(log: Path) -> str:
    """The last line of a log, for a message."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except FileNotFoundError:
        lines = []
    return lines[-1][:300] if lines else "it said nothing"


def _await(plane: ControlPlane, row: Process | None, running: Running) -> None:
    """Waits until a row is ready; it and those it came after must run until then. None was waited for already."""
    if row is None or row.ready is None:
        return
    ready, log = row.ready, log_file(plane.state, row.name)

    def holds() -> bool:
        # One that fails shows in the patience of those after it only; so it is looked at first.
        for name in (*row.after, row.name):
            if name in running and (code := running[name].poll()) is not None:
                own = log_file(plane.state, name)
                raise LabError(f"{name} ended while starting (exit {code}): {last_words(own)}; all of it: {own}")
        return ready(plane)

    until(
        holds,
        seconds=row.seconds,
        pause=_POLL_SECONDS,
        what=f"{row.name} to be ready",
        seen=lambda: f"{last_words(log)}; all of it: {log}",
    )


def _status(state: State, row: Process, record: ProcessRecord | None) -> StatusRow:
    if record is None:
        return StatusRow(name=row.name, state="absent", detail=f"never started: {row.part}")
    if not record.alive():
        return StatusRow(name=row.name, state="stopped", detail=last_words(log_file(state, row.name)))
    where = row.where(state)
    return StatusRow(name=row.name, state="running", detail=f"process {record.pid}{f', {where}' if where else ''}")


def _signal(record: ProcessRecord, number: signal.Signals) -> None:
    try:
        os.kill(record.pid, number)
    except ProcessLookupError:
        pass
    except PermissionError as problem:
        raise LabError(
            f"{record.name} (process {record.pid}) belongs to another user: stop the lab as that user"
        ) from problem

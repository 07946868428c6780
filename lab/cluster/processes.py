"""Starts the lab's processes so that their records exist first, and stops exactly what was recorded."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from lab.errors import LabError
from lab.state import ProcessRecord, State

TERM_SECONDS = 10.0
_POLL_SECONDS = 0.05

# The shell writes its own stat line, then becomes the program: same process, same start time.
_RECORD_AND_BECOME = 'cat "/proc/$$/stat" >"$0" && exec "$@"'


def start(state: State, name: str, command: Sequence[str | Path]) -> subprocess.Popen[bytes]:
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


def log_file(state: State, name: str) -> Path:
    """Where a process's output is."""
    return state.logs / f"{name}.log"


def wait_until(
    what: str,
    ready: Callable[[], bool],
    *,
    seconds: float,
    watched: subprocess.Popen[bytes] | None,
    log: Path,
) -> None:
    """Polls `ready`; raises LabError if `watched` ends or the time is up, with the last line of its log."""
    deadline = time.monotonic() + seconds
    while not ready():
        if watched is not None and (code := watched.poll()) is not None:
            raise LabError(f"{what} ended while starting (exit {code}): {last_words(log)}; all of it: {log}")
        if time.monotonic() > deadline:
            raise LabError(f"{what} was not ready within {seconds:.0f} s: {last_words(log)}; all of it: {log}")
        time.sleep(_POLL_SECONDS)


def stop(records: Iterable[ProcessRecord], seconds: float = TERM_SECONDS) -> None:
    """SIGTERM to each that still is the process that was recorded, SIGKILL to those that stay."""
    living = [record for record in records if record.alive()]
    for record in living:
        _signal(record, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while living and time.monotonic() < deadline:
        living = [record for record in living if record.alive()]
        time.sleep(_POLL_SECONDS)
    for record in living:
        _signal(record, signal.SIGKILL)
    while any(record.alive() for record in living):
        time.sleep(_POLL_SECONDS)


def last_words(log: Path) -> str:
    """The last line of a log, for a message."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except FileNotFoundError:
        lines = []
    return lines[-1][:300] if lines else "it said nothing"


def _signal(record: ProcessRecord, number: signal.Signals) -> None:
    try:
        os.kill(record.pid, number)
    except ProcessLookupError:
        pass
    except PermissionError as problem:
        raise LabError(
            f"{record.name} (process {record.pid}) belongs to another user: stop the lab as that user"
        ) from problem

"""What long work is doing, as one line on a terminal that is redrawn, and nothing anywhere else."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol, TextIO


class Progress(Protocol):
    """What long work reports to, from any thread."""

    def update(self, text: str) -> None:
        """The newest state of the work."""


class Silent:
    """For callers that show nothing."""

    def update(self, text: str) -> None:
        """Drops it."""


class TerminalLine:
    """One line with the time gone by, drawn anew for the newest text."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._drawn = False
        self._ended = False

    def update(self, text: str) -> None:
        """Draws it in place of the last one."""
        with self._lock:
            if self._ended:
                return
            self._drawn = True
            minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
            width = shutil.get_terminal_size().columns - 1
            self._stream.write("\r\x1b[K" + f"[{minutes}:{seconds:02d}] {text}"[:width])
            self._stream.flush()

    def end(self) -> None:
        """Takes the line away; what is reported later is dropped."""
        with self._lock:
            if self._drawn and not self._ended:
                self._stream.write("\r\x1b[K")
                self._stream.flush()
            self._ended = True


@contextmanager
def terminal_progress(stream: TextIO | None = None) -> Generator[Progress]:
    """A line on standard error for as long as the work goes on; silent if that is no terminal."""
    stream = sys.stderr if stream is None else stream
    if not stream.isatty():
        yield Silent()
        return
    line = TerminalLine(stream)
    try:
        yield line
    finally:
        line.end()

"""One line that says what is going on: redrawn on a terminal, sparse plain lines anywhere else.

Both kinds may be called from any thread: the toolchain is built in one while another prints the plan.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from typing import Protocol, TextIO

# In a log file a line every so often is a sign of life; one for each package would be noise.
PLAIN_LINE_SECONDS = 20.0
REDRAW_SECONDS = 0.1


class Progress(Protocol):
    """What long work reports to."""

    def update(self, text: str) -> None:
        """The newest state of the work; may be called often, and dropped."""

    def line(self, text: str) -> None:
        """Something worth keeping; always printed."""


class Silent:
    """For callers that show nothing."""

    def update(self, text: str) -> None:
        """Drops it."""

    def line(self, text: str) -> None:
        """Drops it."""


class TerminalProgress:
    """Redraws one line on a terminal; elsewhere prints the newest text every `PLAIN_LINE_SECONDS`."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._shown_at = 0.0
        self._drawn = False
        self._paused = False

    def update(self, text: str) -> None:
        """Shows `text` with the time gone by, if it is time for it."""
        with self._lock:
            now = time.monotonic()
            terminal = self._stream.isatty()
            if self._paused or now - self._shown_at < (REDRAW_SECONDS if terminal else PLAIN_LINE_SECONDS):
                return
            self._shown_at = now
            stamped = f"[{_clock(now - self._started)}] {text}"
            if terminal:
                width = shutil.get_terminal_size().columns - 1
                self._stream.write("\r\x1b[K" + stamped[:width])
                self._drawn = True
            else:
                self._stream.write(stamped + "\n")
            self._stream.flush()

    def line(self, text: str) -> None:
        """Prints `text` on a line of its own."""
        with self._lock:
            self._clear()
            self._stream.write(f"[{_clock(time.monotonic() - self._started)}] {text}\n")
            self._stream.flush()

    def pause(self) -> None:
        """Keeps the terminal free while the caller prints other things."""
        with self._lock:
            self._clear()
            self._paused = True

    def resume(self) -> None:
        """Ends `pause`."""
        with self._lock:
            self._paused = False

    def _clear(self) -> None:
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._drawn = False


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"

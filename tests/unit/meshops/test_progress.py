"""The line that says what long work is doing."""

from __future__ import annotations

import io

import pytest

from meshops import progress
from meshops.progress import terminal_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_one_line_is_redrawn_and_gone_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([100.0, 100.4, 162.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(times))
    terminal = Terminal()
    with terminal_progress(terminal) as shown:
        shown.update("asking AWS")
        shown.update("probe pods")
    shown.update("too late")
    assert terminal.getvalue() == "\r\x1b[K[0:00] asking AWS\r\x1b[K[1:02] probe pods\r\x1b[K"


def test_a_line_never_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    terminal = Terminal()
    with terminal_progress(terminal) as shown:
        shown.update("x" * 100)
    assert terminal.getvalue() == f"\r\x1b[K[0:00] {'x' * 12}\r\x1b[K"


def test_anywhere_else_nothing_is_written() -> None:
    log = io.StringIO()
    with terminal_progress(log) as shown:
        shown.update("asking AWS")
    assert log.getvalue() == ""


def test_the_line_is_gone_when_the_work_ends_in_an_accident() -> None:
    terminal = Terminal()

    def work() -> None:
        with terminal_progress(terminal) as shown:
            shown.update("asking AWS")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert terminal.getvalue().endswith("asking AWS\r\x1b[K")

"""What a watchable script is made of: steps that print their command, its answer, and what was expected of it.

A script is a function over `Steps`, run by `watch`:

    def script(steps: Steps) -> None:
        steps.cleanup("The namespace goes", ["kubectl", "delete", "namespace", "demo"])
        steps.run("A call in plaintext", ["kubectl", "exec", …], expect=exit_code(56) & prints("000"))

It stops at the first expectation that does not hold. What was registered as cleanup is done in any case, the last
registered first. kubectl and istioctl come from PATH, and the cluster from KUBECONFIG.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TextIO

INTERRUPTED = 130
_TIMED_OUT = 124
_NOT_FOUND = 127
_SHOWN_LINES = 30
_WIDTH = 110


class ExpectationError(Exception):
    """A step did not give what was expected of it; the text says what it gave."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a command gave. code: its exit code, 124 if it took too long, 127 if there is no such program."""

    argv: tuple[str, ...]
    code: int
    output: str
    errors: str
    seconds: float

    @property
    def text(self) -> str:
        """Output and errors, as a terminal shows them."""
        return "\n".join(part for part in (self.output.rstrip(), self.errors.rstrip()) if part)


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """text: for the reader, e.g. `exit code 56`. `a & b` holds when both do."""

    text: str
    holds: Callable[[Answer], bool]

    def __and__(self, other: Expectation) -> Expectation:
        first, second = self.holds, other.holds
        return Expectation(text=f"{self.text}, {other.text}", holds=lambda answer: first(answer) and second(answer))


def exit_code(*codes: int) -> Expectation:
    """The command ends with one of these codes; `kubectl exec` ends with that of the command inside the pod."""
    return Expectation(text=f"exit code {' or '.join(map(str, codes))}", holds=lambda answer: answer.code in codes)


def prints(words: str) -> Expectation:
    """These words are somewhere in its output or errors."""
    return Expectation(text=f"`{words}`", holds=lambda answer: words in answer.text)


def prints_no(words: str) -> Expectation:
    """These words are nowhere in its output or errors."""
    return Expectation(text=f"nothing of `{words}`", holds=lambda answer: words not in answer.text)


def matches(pattern: str, text: str) -> Expectation:
    """A regular expression is found in its output or errors. text: the same for the reader."""
    return Expectation(text=text, holds=lambda answer: re.search(pattern, answer.text, re.MULTILINE) is not None)


SUCCEEDS = exit_code(0)


class Steps:
    """Prints and runs the steps of one script. Colours only on a terminal without NO_COLOR."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out if out is not None else sys.stdout
        self._colour = self._out.isatty() and "NO_COLOR" not in os.environ
        self._cleanups: list[tuple[str, Callable[[], None]]] = []
        self.held = 0
        self.failed = 0

    def title(self, text: str) -> None:
        """A headline over several steps."""
        self._line("")
        self._line(self._paint("1", f"== {text}"))

    def say(self, text: str) -> None:
        """A remark in words, wrapped."""
        for line in textwrap.wrap(" ".join(text.split()), _WIDTH):
            self._line(f"   {line}")

    def run(
        self,
        title: str,
        argv: Sequence[str],
        *,
        expect: Expectation = SUCCEEDS,
        stdin: str | None = None,
        timeout: float = 60.0,
        shown: Callable[[Answer], str] | None = None,
    ) -> Answer:
        """Runs one command and shows it. Raises ExpectationError.

        stdin: shown as a here-document, so never a secret. timeout: seconds.
        shown: what of the answer is printed; all of it (the first 30 lines) if not given.
        """
        self._announce(title, argv, stdin)
        answer = _execute(argv, stdin, timeout)
        self._judge(answer, expect, shown)
        return answer

    def until(
        self,
        title: str,
        argv: Sequence[str],
        *,
        expect: Expectation,
        stdin: str | None = None,
        timeout: float = 60.0,
        every: float = 1.0,
        shown: Callable[[Answer], str] | None = None,
    ) -> Answer:
        """As `run`, but asks again every so many seconds until the expectation holds or the time is over."""
        self._announce(title, argv, stdin)
        began = time.monotonic()
        tries = 1
        answer = _execute(argv, stdin, timeout)
        while not expect.holds(answer) and time.monotonic() - began < timeout:
            time.sleep(every)
            tries += 1
            answer = _execute(argv, stdin, max(1.0, timeout - (time.monotonic() - began)))
        if tries > 1:
            self._line(f"   (asked {tries} times in {time.monotonic() - began:.0f} s)")
        self._judge(answer, expect, shown)
        return answer

    def read(self, argv: Sequence[str], *, timeout: float = 60.0) -> str:
        """The output of a command that is no step of its own; not printed. Raises ExpectationError if it fails."""
        answer = _execute(argv, None, timeout)
        if answer.code != 0:
            raise ExpectationError(f"{shlex.join(argv)} ended with {answer.code}: {answer.text}")
        return answer.output.strip()

    def check(self, found: str, expected: str, *, holds: bool) -> None:
        """Something that was computed rather than run. Raises ExpectationError."""
        self._line(textwrap.indent(found, "   "))
        self._verdict(expected, holds)

    def cleanup(self, title: str, argv: Sequence[str], *, timeout: float = 120.0) -> None:
        """A command that is run at the end, whatever happens. It must succeed, also if there is nothing to clean."""
        self.at_end(title, lambda: self._clean(argv, timeout))

    def at_end(self, title: str, action: Callable[[], None]) -> None:
        """As `cleanup`, for a function; it may raise ExpectationError."""
        self._cleanups.append((title, action))

    def clean_up(self) -> None:
        """Does what was registered, the last first, each whatever became of the others."""
        if not self._cleanups:
            return
        self.title("Cleaning up")
        while self._cleanups:
            title, action = self._cleanups.pop()
            self._line("")
            self._line(self._paint("1", f"-- {title}"))
            try:
                action()
            except (ExpectationError, OSError) as problem:
                self.problem(str(problem))

    def problem(self, text: str) -> None:
        """A step that failed, counted and printed."""
        self.failed += 1
        self._line(self._paint("31", f"   FAILED: {text}"))

    def counts(self) -> str:
        total = self.held + self.failed
        return self._paint("31" if self.failed else "32", f"{self.held} of {total} expectations held")

    def _clean(self, argv: Sequence[str], timeout: float) -> None:
        self._line(f"   $ {shlex.join(argv)}")
        # In a session of its own: Ctrl-C at the terminal ends the script, and not what tidies up after it.
        self._judge(_execute(argv, None, timeout, apart=True), SUCCEEDS, None)

    def _announce(self, title: str, argv: Sequence[str], stdin: str | None) -> None:
        self._line("")
        self._line(self._paint("1", f"-- {title}"))
        if stdin is None:
            self._line(f"   $ {shlex.join(argv)}")
            return
        self._line(f"   $ {shlex.join(argv)} <<'EOF'")
        # Not indented: a here-document ends at an EOF in the first column.
        self._line(stdin.rstrip())
        self._line("EOF")

    def _judge(self, answer: Answer, expect: Expectation, shown: Callable[[Answer], str] | None) -> None:
        lines = (shown(answer) if shown is not None else answer.text).splitlines()
        if len(lines) > _SHOWN_LINES:
            lines = [*lines[:_SHOWN_LINES], f"… {len(lines) - _SHOWN_LINES} more lines"]
        for line in lines:
            self._line(f"   {line}")
        found = f"exit code {answer.code}" + (f", {answer.text.splitlines()[-1]}" if answer.text else "")
        self._verdict(expect.text, expect.holds(answer), found)

    def _verdict(self, expected: str, holds: bool, found: str = "") -> None:
        if not holds:
            raise ExpectationError(f"expected {expected}" + (f"; found {found}" if found else ""))
        self.held += 1
        self._line(self._paint("32", f"   ok: expected {expected}"))

    def _line(self, text: str) -> None:
        print(text, file=self._out, flush=True)

    def _paint(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colour else text


def watch(title: str, script: Callable[[Steps], object], *, out: TextIO | None = None) -> int:
    """Runs a script and cleans up after it. Returns its exit code: 0 only if all expectations held, 130 interrupted."""
    steps = Steps(out)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGTERM, _interrupted)
    code = 0
    try:
        steps.title(title)
        script(steps)
    except ExpectationError as problem:
        steps.problem(str(problem))
    except KeyboardInterrupt:
        steps.say("interrupted")
        code = INTERRUPTED
    finally:
        # Tidying up takes seconds and leaves the cluster as it was: it is not interrupted.
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        steps.clean_up()
        for number, handler in before.items():
            signal.signal(number, handler)
    steps.title(steps.counts())
    return code or (1 if steps.failed else 0)


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _execute(argv: Sequence[str], stdin: str | None, timeout: float, *, apart: bool = False) -> Answer:
    began = time.monotonic()
    output, errors = "", ""
    try:
        finished = subprocess.run(
            list(argv),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
            start_new_session=apart,
        )
        code, output, errors = finished.returncode, finished.stdout, finished.stderr
    except subprocess.TimeoutExpired:
        code, errors = _TIMED_OUT, f"no end within {timeout:.0f} s"
    except FileNotFoundError:
        code, errors = _NOT_FOUND, f"{argv[0]} is not in PATH"
    return Answer(argv=tuple(argv), code=code, output=output, errors=errors, seconds=time.monotonic() - began)

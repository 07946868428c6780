"""The steps of the examples' scripts: what they print, where they stop, and that they tidy up."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Callable
from pathlib import Path

from examples.steps import INTERRUPTED, Steps, exit_code, matches, prints, prints_no, watch


def _command(text: str) -> list[str]:
    return ["sh", "-c", text]


def _watched(script: Callable[[Steps], object]) -> tuple[int, str]:
    out = io.StringIO()
    return watch("a title", script, out=out), out.getvalue()


def test_a_step_shows_its_command_its_answer_and_what_was_expected() -> None:
    code, text = _watched(
        lambda steps: steps.run("greets", _command("echo hello; exit 3"), expect=exit_code(3) & prints("hello"))
    )
    assert code == 0
    assert "$ sh -c 'echo hello; exit 3'\n   hello\n   ok: expected exit code 3, `hello`" in text
    assert "1 of 1 expectations held" in text


def test_a_script_stops_at_the_first_expectation_that_does_not_hold_and_still_cleans_up() -> None:
    def script(steps: Steps) -> None:
        steps.cleanup("first registered", _command("echo tidy-1"))
        steps.cleanup("last registered", _command("echo tidy-2"))
        steps.run("refused", _command("echo 403 >&2"), expect=prints("200"))
        steps.run("never", _command("echo never-reached"))

    code, text = _watched(script)
    assert code == 1
    assert "FAILED: expected `200`; found exit code 0, 403" in text
    assert "never-reached" not in text
    assert 0 < text.index("echo tidy-2") < text.index("echo tidy-1")
    assert "2 of 3 expectations held" in text


def test_an_interrupted_script_cleans_up_and_says_so_with_its_exit_code() -> None:
    def script(steps: Steps) -> None:
        steps.cleanup("tidies", _command("echo tidy"))
        os.kill(os.getpid(), signal.SIGTERM)
        steps.run("never", _command("echo never-reached"))

    code, text = _watched(script)
    assert code == INTERRUPTED
    assert "\n   tidy\n" in text
    assert "never-reached" not in text


def test_a_cleanup_that_fails_makes_the_script_fail_and_the_others_are_still_done() -> None:
    def script(steps: Steps) -> None:
        steps.cleanup("first registered", _command("echo tidy"))
        steps.cleanup("last registered", _command("exit 9"))

    code, text = _watched(script)
    assert code == 1
    assert "FAILED: expected exit code 0; found exit code 9" in text
    assert "\n   tidy\n" in text


def test_until_asks_again_until_the_expectation_holds(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    command = _command(f"echo x >> {counter}; wc -l < {counter}")
    code, text = _watched(lambda steps: steps.until("waits", command, expect=matches("3", "three"), every=0.01))
    assert code == 0
    assert "asked 3 times" in text


def test_until_gives_up_after_its_time() -> None:
    code, text = _watched(
        lambda steps: steps.until("waits", _command("echo no"), expect=prints("yes"), timeout=0.05, every=0.01)
    )
    assert code == 1
    assert "FAILED: expected `yes`; found exit code 0, no" in text


def test_a_command_that_hangs_or_does_not_exist_is_an_answer_like_any_other() -> None:
    code, text = _watched(lambda steps: steps.run("hangs", _command("sleep 5"), timeout=0.05, expect=exit_code(124)))
    assert code == 0
    assert "no end within 0 s" in text
    code, text = _watched(lambda steps: steps.run("absent", ["no-such-program-here"]))
    assert code == 1
    assert "no-such-program-here is not in PATH" in text


def test_what_is_read_from_stdin_is_shown_as_a_here_document_that_can_be_pasted() -> None:
    code, text = _watched(lambda steps: steps.run("reads", ["cat"], stdin="kind: Namespace\n", expect=prints("kind")))
    assert code == 0
    assert "   $ cat <<'EOF'\nkind: Namespace\nEOF\n" in text


def test_without_a_terminal_there_are_no_colours() -> None:
    _, text = _watched(lambda steps: steps.run("greets", _command("echo hello"), expect=prints_no("bye")))
    assert "\033" not in text

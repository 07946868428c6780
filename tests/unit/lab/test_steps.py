"""Steps are done in order, timed, and undone in reverse when one of them fails."""

from __future__ import annotations

import pytest

from lab.errors import LabError
from lab.progress import Silent
from lab.steps import Step, Timings, run


class Told(Silent):
    def __init__(self) -> None:
        self.updates: list[str] = []
        self.lines: list[str] = []

    def update(self, text: str) -> None:
        self.updates.append(text)

    def line(self, text: str) -> None:
        self.lines.append(text)


class Journal:
    """What was done and undone; the step `fails` raises `problem`."""

    def __init__(self, problem: BaseException | None = None) -> None:
        self.entries: list[str] = []
        self._problem = problem

    def step(self, name: str, *, fails: bool = False, shown: str = "") -> Step:
        def do() -> None:
            self.entries.append(f"do {name}")
            if fails and self._problem is not None:
                raise self._problem

        return Step(name=name, do=do, undo=lambda: self.entries.append(f"undo {name}"), shown=shown)


def test_every_step_is_done_timed_and_shown() -> None:
    journal, timings, told = Journal(), Timings(), Told()

    run([journal.step("a"), journal.step("b", shown="doing b")], told, timings)

    assert journal.entries == ["do a", "do b"]
    assert [name for name, _ in timings.steps] == ["a", "b"]
    assert told.updates == ["doing b"]


@pytest.mark.parametrize("problem", [LabError("no"), KeyboardInterrupt()], ids=["a failure", "Ctrl-C"])
def test_what_was_begun_is_undone_the_last_first_and_the_rest_never_begun(problem: BaseException) -> None:
    journal = Journal(problem)

    with pytest.raises(type(problem)):
        run([journal.step("a"), journal.step("b", fails=True), journal.step("c")], Silent(), Timings())

    assert journal.entries == ["do a", "do b", "undo b", "undo a"]


def test_nothing_is_undone_where_it_is_to_be_kept() -> None:
    journal = Journal(LabError("no"))

    with pytest.raises(LabError):
        run([journal.step("a", fails=True)], Silent(), Timings(), keep=True)

    assert journal.entries == ["do a"]


def test_an_undoing_that_cannot_even_be_told_hinders_no_other() -> None:
    def gone() -> None:
        raise BrokenPipeError

    journal = Journal(KeyboardInterrupt())
    steps = [journal.step("a"), Step(name="b", do=lambda: None, undo=gone), journal.step("c", fails=True)]

    with pytest.raises(BrokenPipeError) as raised:
        run(steps, Silent(), Timings())

    assert isinstance(raised.value.__context__, KeyboardInterrupt)
    assert journal.entries[-2:] == ["undo c", "undo a"]


def test_an_undoing_that_fails_is_told_and_hides_neither_the_others_nor_the_problem() -> None:
    def stuck() -> None:
        raise LabError("it is stuck")

    journal, told = Journal(LabError("no")), Told()
    steps = [journal.step("a"), Step(name="b", do=lambda: None, undo=stuck), journal.step("c", fails=True)]

    with pytest.raises(LabError, match="no"):
        run(steps, told, Timings())

    assert journal.entries[-2:] == ["undo c", "undo a"]
    assert told.lines == ["b could not be undone: it is stuck"]

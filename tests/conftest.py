"""Fixtures that the contract and the lab tests share."""

from __future__ import annotations

from collections.abc import Iterator

# First of all: hypothesis imported after a run of the mock runtime crashes CPython 3.11's compiler
# ("AST constructor recursion depth mismatch").
import hypothesis  # noqa: F401
import pytest

from tests.whole_lab import WholeLab, lab_command, running


@pytest.fixture(scope="session")
def whole_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeLab]:
    """The lab as `make lab` leaves it, once for all tests that need it."""
    state = tmp_path_factory.mktemp("whole-lab") / "state"
    up = lab_command(state, "up")
    assert up.returncode == 0, f"{up.stdout[-6000:]}\n{up.stderr[-3000:]}"
    yield WholeLab(state=state, output=up.stdout, plane=running(state))
    down = lab_command(state, "down")
    assert down.returncode == 0, down.stderr
    assert not state.exists(), "lab-down leaves nothing behind"

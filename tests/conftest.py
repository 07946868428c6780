"""What the contract and the lab tests share: a whole lab, and the two processes that tests run in."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

# First of all: hypothesis imported after a run of the mock runtime crashes CPython 3.11's compiler
# ("AST constructor recursion depth mismatch").
import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from tests import ROOT
from tests.whole_lab import WholeLab, lab_command, running

# How long an example takes is this machine's matter, and that of what else runs on it.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


class WholeLabApart(LoadScopeScheduling):
    """For two processes: what shares a whole lab in one; all the rest beside it, which takes less long.

    pytest-xdist's own groups would do, but those of 3.8 have no effect under pytest 9.2: each test goes anywhere.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "a whole lab" if _takes_a_whole_lab(nodeid.partition("::")[0]) else "the rest"


@functools.cache
def _takes_a_whole_lab(file: str) -> bool:
    """By its fixtures' names: the process that hands tests out has only these."""
    text = (ROOT / file).read_text(encoding="utf-8")
    return "whole_lab: " in text or "scratch_pods: " in text


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> WholeLabApart:
    return WholeLabApart(config, log)


@pytest.fixture(scope="session")
def whole_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeLab]:
    """The lab as `make lab` leaves it, once for all tests that need it."""
    state = tmp_path_factory.mktemp("whole-lab") / "state"
    up = lab_command(state, "up")
    if up.returncode != 0:
        # One whose proofs do not hold runs on, for a person to look at.
        lab_command(state, "down")
    assert up.returncode == 0, f"{up.stdout[-6000:]}\n{up.stderr[-3000:]}"
    yield WholeLab(state=state, output=up.stdout, plane=running(state))
    down = lab_command(state, "down")
    assert down.returncode == 0, down.stderr
    assert not state.exists(), "lab-down leaves nothing behind"

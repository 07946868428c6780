"""What `make lab` and `make lab-down` do to a machine, seen on one of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.build import packages
from lab.build.toolchain_files import Toolchain
from lab.images import billing_api
from lab.progress import Silent
from tests.footprint import life_of


@pytest.fixture
def fetched(toolchain: Toolchain) -> None:
    """What the first `make lab` brings from elsewhere."""
    packages.ensure(Silent())
    billing_api.ensure(Silent())


@pytest.mark.usefixtures("fetched")
def test_a_lab_needs_no_network_and_nothing_of_it_is_left_when_it_goes(tmp_path: Path) -> None:
    state, temporary = tmp_path / "state", tmp_path / "temporary"
    temporary.mkdir()

    life = life_of(state, temporary)

    assert life.up[0] == 0, life.up[1][-3000:]
    for part in ("interfaces", "processes", "namespaces", "routes"):
        assert set(getattr(life.during, part)) - set(getattr(life.before, part)), f"the lab has {part} of its own"
    assert life.during.firewall == life.before.firewall, "never this machine's own"
    assert life.during.settings.items() >= life.before.settings.items(), "never this machine's own"
    assert life.down[0] == 0, life.down[1]
    # A kernel that has connection tracking as a module may have loaded it, and has settings for it from then on.
    assert life.after.settings.items() >= life.before.settings.items()
    assert replace(life.after, settings=life.before.settings) == life.before
    assert not state.exists()
    assert not list(temporary.iterdir())

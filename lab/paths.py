"""The lab's directories: one cache that stays, one state directory that `down` removes; and the program's own."""

from __future__ import annotations

import os
from pathlib import Path

CACHE_VARIABLE = "ZTM_CACHE"
STATE_VARIABLE = "ZTM_LAB_STATE"
NAME = "zero-trust-mesh"
PROGRAM = Path(__file__).resolve().parent.parent
"""The checkout: where the Pulumi program and its stacks are."""
STACK = "lab"
"""The stack that the lab runs."""


def cache_directory() -> Path:
    """Built programs and copied charts; safe to delete, costly to make again."""
    return _directory(CACHE_VARIABLE, "XDG_CACHE_HOME", ".cache") / "toolchain"


def state_directory() -> Path:
    """Everything of the running lab: its records, certificates, logs and data."""
    return _directory(STATE_VARIABLE, "XDG_STATE_HOME", ".local/state", own_leaf="lab")


def _directory(variable: str, xdg: str, below_home: str, own_leaf: str = "") -> Path:
    if own := os.environ.get(variable):
        return Path(own).absolute()
    base = os.environ.get(xdg)
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / below_home
    return root / NAME / own_leaf

"""What is on its way for a moment is asked for again, before it is taken for what stays."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def settled(ask: Callable[[], _T], done: Callable[[_T], bool], *, seconds: float, pause: float) -> _T:
    """The first answer that is `done`; after so many seconds the one that there is."""
    until = time.monotonic() + seconds
    while True:
        found = ask()
        if done(found) or time.monotonic() > until:
            return found
        time.sleep(pause)

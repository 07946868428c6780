"""Waiting until something holds: the one loop with a deadline that everything here uses."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import TypeVar

from lab.errors import LabError

T = TypeVar("T")

PAUSE_SECONDS = 0.1
_CONNECTION_SECONDS = 1.0


def until(
    holds: Callable[[], T | None],
    *,
    seconds: float,
    what: str,
    pause: float = PAUSE_SECONDS,
    seen: Callable[[], str] = str,
) -> T:
    """What `holds` gives as soon as that is true. It looks at least once; what it raises is raised.

    what: ends the sentence "waited 5 s in vain for …"; seen: what there was to see last, asked for when the time is up
    Raises LabError that says all three.
    """
    found = patiently(holds, bool, seconds=seconds, pause=pause)
    if found:
        return found
    last = seen()
    raise LabError(f"waited {seconds:.0f} s in vain for {what}{f': {last}' if last else ''}")


def patiently(look: Callable[[], T], enough: Callable[[T], bool], *, seconds: float, pause: float = PAUSE_SECONDS) -> T:
    """What `look` gives as soon as that is enough, or what it gave last when the time is up."""
    deadline = time.monotonic() + seconds
    while not enough(found := look()) and time.monotonic() < deadline:
        time.sleep(pause)
    return found


def listens(address: str, port: int) -> bool:
    """Whether a TCP connection is taken there."""
    try:
        socket.create_connection((address, port), timeout=_CONNECTION_SECONDS).close()
    except OSError:
        return False
    return True

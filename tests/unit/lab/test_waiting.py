"""The one loop with a deadline."""

from __future__ import annotations

import pytest

from lab.errors import LabError
from lab.waiting import patiently, until


def test_it_looks_until_it_holds_and_gives_what_it_found() -> None:
    looks = iter(["", "", "found"])

    assert until(lambda: next(looks), seconds=5, pause=0, what="something") == "found"


def test_in_vain_it_says_what_for_how_long_and_what_was_seen_last() -> None:
    with pytest.raises(LabError) as refused:
        until(lambda: None, seconds=0, what="the API server to be ready", seen=lambda: "connection refused")

    assert str(refused.value) == "waited 0 s in vain for the API server to be ready: connection refused"


def test_nothing_is_asked_about_what_came_in_time() -> None:
    def never() -> str:
        raise AssertionError("it held")

    assert until(lambda: True, seconds=0, what="it", seen=never)


def test_what_the_condition_raises_ends_the_waiting() -> None:
    def ended() -> bool:
        raise LabError("etcd ended while starting")

    with pytest.raises(LabError, match="etcd ended while starting"):
        until(ended, seconds=60, what="etcd")


def test_patience_gives_the_last_look_when_the_time_is_up() -> None:
    assert patiently(lambda: 429, lambda status: status == 200, seconds=0) == 429

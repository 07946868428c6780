"""Three running applications into the mesh, to STRICT and back, under load; and the same with everything at once.

The other steps of docs/reliability.md are `make reliability`'s: each takes minutes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from lab import paths
from lab.progress import TerminalProgress
from lab.reliability.command import ground
from lab.reliability.measuring import Measured, control, measure
from lab.reliability.migration import MIGRATION
from lab.reliability.stack import FIRST, NAMESPACES
from tests.whole_lab import WholeLab

pytestmark = pytest.mark.timeout(1800)

# Of each stream: a load that asked hardly ever would have lost nothing either.
_FEWEST = 200


@pytest.fixture(scope="module")
def runs(whole_lab: WholeLab) -> Iterator[tuple[Measured, Measured]]:
    """As the program does it, and the naive way; afterwards the lab is at its own stack again."""
    before = os.environ.get(paths.STATE_VARIABLE)
    os.environ[paths.STATE_VARIABLE] = str(whole_lab.state)
    try:
        with ground(TerminalProgress()) as found:
            measured, naive = measure(found, MIGRATION), control(found, MIGRATION)
            assert naive is not None
            yield measured, naive
    finally:
        if before is None:
            del os.environ[paths.STATE_VARIABLE]
        else:
            os.environ[paths.STATE_VARIABLE] = before


def test_three_applications_move_to_strict_and_back_and_no_request_is_lost(runs: tuple[Measured, Measured]) -> None:
    measured, _ = runs
    print("\n".join(measured.lines()))
    assert measured.lost == 0, "\n".join([*measured.lines(), *measured.said])


def test_every_way_in_was_asked_all_the_time(runs: tuple[Measured, Measured]) -> None:
    measured, _ = runs
    names = {each.name for each in measured.streams}
    assert {f"{name}, {place}, HTTP/1.1" for name in NAMESPACES for place in ("load balancer", "pod")} <= names
    assert {f"{FIRST}, load balancer, HTTP/2", f"{FIRST}, pod, gRPC", f"{FIRST}, pod, one connection kept"} <= names
    assert {each.name: each.requests for each in measured.streams if each.requests < _FEWEST} == {}


def test_the_same_documents_applied_at_once_lose_requests(runs: tuple[Measured, Measured]) -> None:
    _, naive = runs
    print("\n".join(naive.lines()))
    assert naive.lost > 0, "then the load would not have seen the order that the program keeps"

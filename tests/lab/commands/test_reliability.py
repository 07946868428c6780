"""Three running applications into the mesh, to STRICT and back, under load; and the same with everything at once.

The other steps of docs/reliability.md are `make reliability`'s: each takes minutes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lab import paths
from lab.progress import TerminalProgress
from lab.reliability.command import ground
from lab.reliability.measuring import Measured, control, measure
from lab.reliability.migration import BACK, INTO
from lab.reliability.stack import FIRST, NAMESPACES
from tests.whole_lab import WholeLab

pytestmark = pytest.mark.timeout(1800)

# Of each stream: a load that asked hardly ever would have lost nothing either.
_FEWEST = 100


@dataclass(frozen=True)
class Runs:
    """As the program does it in both directions, and into the mesh the naive way."""

    into: Measured
    back: Measured
    naive: Measured


@pytest.fixture(scope="module")
def runs(whole_lab: WholeLab) -> Iterator[Runs]:
    """Afterwards the lab is at its own stack again."""
    before = os.environ.get(paths.STATE_VARIABLE)
    os.environ[paths.STATE_VARIABLE] = str(whole_lab.state)
    try:
        with ground(TerminalProgress()) as found:
            into, back, naive = measure(found, INTO), measure(found, BACK), control(found, INTO)
            assert naive is not None
            yield Runs(into=into, back=back, naive=naive)
    finally:
        if before is None:
            del os.environ[paths.STATE_VARIABLE]
        else:
            os.environ[paths.STATE_VARIABLE] = before


@pytest.mark.parametrize("way", ["into", "back"])
def test_three_applications_move_to_strict_and_back_and_no_request_is_lost(runs: Runs, way: str) -> None:
    measured: Measured = getattr(runs, way)
    print("\n".join(measured.lines()))
    assert measured.lost == 0, "\n".join([*measured.lines(), *measured.said])


@pytest.mark.parametrize("way", ["into", "back"])
def test_every_way_in_was_asked_all_the_time(runs: Runs, way: str) -> None:
    measured: Measured = getattr(runs, way)
    names = {each.name for each in measured.streams}
    assert {f"{name}, {place}, HTTP/1.1" for name in NAMESPACES for place in ("load balancer", "pod")} <= names
    assert {f"{FIRST}, load balancer, HTTP/2", f"{FIRST}, pod, gRPC", f"{FIRST}, pod, one connection kept"} <= names
    assert {each.name: each.requests for each in measured.streams if each.requests < _FEWEST} == {}


def test_the_same_documents_applied_at_once_lose_requests(runs: Runs) -> None:
    print("\n".join(runs.naive.lines()))
    assert runs.naive.lost > 0, "then the load would not have seen the order that the program keeps"

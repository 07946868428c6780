"""Three running applications into the mesh, to STRICT and back, under load; and the same with everything at once.

That is of `make test-long`; two short steps are in `make test`. The other steps of docs/reliability.md are
`make reliability`'s: each takes minutes.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from lab import paths
from lab.progress import TerminalProgress
from lab.reliability.command import ground, named
from lab.reliability.ground import Ground
from lab.reliability.measuring import Measured, control, measure
from lab.reliability.migration import BACK, INTO
from lab.reliability.stack import FIRST, NAMESPACES
from tests.whole_lab import WholeLab

pytestmark = pytest.mark.timeout(1800)

# Of each stream: a load that asked hardly ever would have lost nothing either.
_FEWEST = 100
# Of all streams: HTTP/1.1 has two on either way, the five others one each. Each has at most one request under way.
_CONNECTIONS = 9


@dataclass(frozen=True)
class Runs:
    """As the program does it in both directions, and into the mesh the naive way."""

    into: Measured
    back: Measured
    naive: Measured


@contextmanager
def _ground(lab: WholeLab) -> Generator[Ground]:
    """Afterwards the lab is at its own stack again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(paths.STATE_VARIABLE, str(lab.state))
        with ground(TerminalProgress()) as found:
            yield found


@pytest.fixture(scope="module")
def runs(whole_lab: WholeLab) -> Runs:
    with _ground(whole_lab) as found:
        into, back, naive = measure(found, INTO), measure(found, BACK), control(found, INTO)
    assert naive is not None
    return Runs(into=into, back=back, naive=naive)


@pytest.fixture(scope="module")
def short(whole_lab: WholeLab) -> Mapping[str, Measured]:
    """Two steps of `make reliability`, one planned and one not."""
    with _ground(whole_lab) as found:
        return {step.name: measure(found, step) for step in named(["restart-application", "sidecar-killed"])}


def test_an_application_restarts_and_no_request_is_lost(short: Mapping[str, Measured]) -> None:
    measured = short["restart-application"]
    print("\n".join(measured.lines()))
    assert {each.name: each.requests for each in measured.streams if each.requests < _FEWEST} == {}
    assert measured.lost == 0, "\n".join([*measured.lines(), *measured.said])


def test_a_killed_sidecar_takes_with_it_what_was_inside_and_no_more(short: Mapping[str, Measured]) -> None:
    """Of a sticky application: without the program's `retries` a second's requests were lost on the way to it."""
    measured = short["sidecar-killed"]
    print("\n".join(measured.lines()))
    assert measured.lost <= _CONNECTIONS, "\n".join([*measured.lines(), *measured.said])


@pytest.mark.long
@pytest.mark.parametrize("way", ["into", "back"])
def test_three_applications_move_to_strict_and_back_and_no_request_is_lost(runs: Runs, way: str) -> None:
    measured: Measured = getattr(runs, way)
    print("\n".join(measured.lines()))
    assert measured.lost == 0, "\n".join([*measured.lines(), *measured.said])


@pytest.mark.long
@pytest.mark.parametrize("way", ["into", "back"])
def test_every_way_in_was_asked_all_the_time(runs: Runs, way: str) -> None:
    measured: Measured = getattr(runs, way)
    names = {each.name for each in measured.streams}
    assert {f"{name}, {place}, HTTP/1.1" for name in NAMESPACES for place in ("load balancer", "pod")} <= names
    assert {f"{FIRST}, load balancer, HTTP/2", f"{FIRST}, pod, gRPC", f"{FIRST}, pod, one connection kept"} <= names
    assert {each.name: each.requests for each in measured.streams if each.requests < _FEWEST} == {}


@pytest.mark.long
def test_the_same_documents_applied_at_once_lose_requests(runs: Runs) -> None:
    print("\n".join(runs.naive.lines()))
    assert runs.naive.lost > 0, "then the load would not have seen the order that the program keeps"

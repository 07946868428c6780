"""The table of the lab's processes, and what is done with its rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.cluster import processes
from lab.cluster.processes import Process
from lab.errors import LabError
from lab.lifecycle import processes as lifecycle
from lab.lifecycle.processes import PROCESSES
from lab.state import ProcessRecord, State
from lab.waiting import until


def test_no_name_is_given_twice_and_every_row_comes_after_those_it_needs() -> None:
    names = [row.name for row in PROCESSES]

    assert len(set(names)) == len(names)
    for index, row in enumerate(PROCESSES):
        assert set(row.after) <= set(names[:index]), row.name
    assert names == [
        "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "registry", "node-1", "node-2",
        "node-1-containerd", "node-2-containerd", "node-1-kubelet", "node-2-kubelet", "internet", "kube-proxy",
        "lab-netpol", "moto",
        "load-balancers", "load-balancers-reader",
    ]  # fmt: skip


def test_what_a_lab_did_not_ask_for_is_not_missing_from_it(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "current_state", lambda: state)

    def names() -> set[str]:
        return {row.name for row in lifecycle.status()}

    assert "git-server" not in names()
    processes.spawn(state, "git-server", ["/bin/sleep", "60"])
    _await_records(state, 1)
    assert "git-server" in names()
    lifecycle.stop(state)
    assert not state.alive()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    made = State(root=tmp_path / "state")
    made.create()
    yield made
    processes.stop_recorded(made.alive().values())


def _plane(state: State) -> Any:
    return cast(Any, SimpleNamespace(state=state, network=SimpleNamespace(address="127.0.0.1")))


def _sleeper(name: str, **more: Any) -> Process:
    return Process(name=name, part=f"{name}'s part", command=lambda plane: ["/bin/sleep", "60"], **more)


def test_rows_start_in_order_once_those_they_come_after_are_ready(state: State) -> None:
    seen: list[str] = []

    def ready(plane: object) -> bool:
        seen.append(",".join(sorted(state.alive())))
        return len(seen) > 2 and "first" in state.alive()

    processes.start(_plane(state), [_sleeper("first", ready=ready), _sleeper("second", after=("first",))])

    assert set(seen) <= {"", "first"}, "the second was not started before the first was ready"
    assert len(seen) == 3, "a row that another waited for is not waited for again"


def test_one_that_ends_is_named_with_its_last_words_by_those_that_wait_for_it(state: State) -> None:
    broken = Process(name="etcd", part="", command=lambda plane: ["sh", "-c", "echo the disk is full; exit 3"])
    waiting = _sleeper("api", after=("etcd",), ready=lambda plane: False, seconds=20)

    with pytest.raises(LabError, match=r"^etcd ended while starting \(exit 3\): the disk is full; all of it: /"):
        processes.start(_plane(state), [broken, waiting])


def test_one_that_is_never_ready_is_named_with_its_last_words(state: State) -> None:
    slow = Process(name="slow", part="", command=lambda plane: ["sleep", "60"], ready=lambda plane: False, seconds=0)

    with pytest.raises(LabError, match=r"^waited 0 s in vain for slow to be ready: it said nothing; all of it: /"):
        processes.start(_plane(state), [slow])


def test_they_are_stopped_in_reverse_and_their_state_is_told(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    table = [_sleeper("first", where=lambda state: "at home"), _sleeper("second"), _sleeper("third")]
    processes.start(_plane(state), table[:2])
    _await_records(state, 2)
    running = processes.status(state, table)
    order: list[str] = []
    stop_recorded = processes.stop_recorded

    def stop_and_note(records: list[ProcessRecord]) -> None:
        order.extend(record.name for record in records)
        stop_recorded(records)

    monkeypatch.setattr(processes, "stop_recorded", stop_and_note)
    processes.stop(state, table)

    assert [(row.name, row.state) for row in running] == [
        ("first", "running"), ("second", "running"), ("third", "absent")
    ]  # fmt: skip
    assert running[0].detail.endswith(", at home")
    assert running[2].detail == "never started: third's part"
    assert order == ["second", "first"]
    assert [row.state for row in processes.status(state, table)] == ["stopped", "stopped", "absent"]


def test_what_does_not_heed_sigterm_is_killed(state: State) -> None:
    deaf = "trap '' TERM; while :; do sleep 1; done"
    row = Process(name="stubborn", part="", command=lambda plane: ["sh", "-c", deaf])
    processes.start(_plane(state), [row])
    _await_records(state, 1)
    (record,) = state.alive().values()
    processes.stop_recorded([record], seconds=0.3)

    assert not record.alive()


def _await_records(state: State, count: int) -> None:
    until(lambda: len(state.alive()) == count, seconds=5, what="the records")

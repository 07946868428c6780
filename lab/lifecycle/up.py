"""Brings the control plane up, step by step, and takes the whole lab down."""

from __future__ import annotations

import tempfile
from pathlib import Path

from lab.build import build, packages
from lab.build.toolchain_files import Toolchain
from lab.cluster import control_plane, credentials, network, processes
from lab.cluster.control_plane import ControlPlane
from lab.errors import LabError
from lab.lifecycle.processes import stop
from lab.lifecycle.running import alone, current_state, whole
from lab.node import control_groups
from lab.node.nodes import NODES
from lab.node.table import PROCESSES
from lab.progress import Progress, Silent
from lab.state import State
from lab.steps import Step, Timings, run


def up_control_plane(progress: Progress | None = None, toolchain: Toolchain | None = None) -> ControlPlane:
    """A running control plane: the one there is if it is whole, otherwise a new one.

    Builds the toolchain if `toolchain` is not given. What a half-started or half-dead lab left is removed
    first. On failure nothing is left running. Raises LabError.
    """
    shown = progress if progress is not None else Silent()
    network.require_privilege()
    packages.ensure(shown)
    built = toolchain if toolchain is not None else build.ensure(shown)
    state = current_state()
    with alone(state):
        if found := whole(state, built):
            return found
        if state.exists():
            shown.line("a lab that is not whole is in the way: removing it")
            _remove(state)
        beginning = _Beginning(state, built)
        run(beginning.steps(), shown, Timings())
        return beginning.plane()


def down() -> bool:
    """Stops and removes everything the lab's records name; False if there was no lab."""
    state = current_state()
    if not state.exists():
        return False
    with alone(state):
        _remove(state)
    return True


class _Beginning:
    """The steps to a new control plane in an empty state directory."""

    def __init__(self, state: State, toolchain: Toolchain) -> None:
        self._state, self._toolchain = state, toolchain

    def steps(self) -> tuple[Step, ...]:
        return (
            Step(name="state directory", do=self._make_directory, undo=self._state.remove),
            Step(name="bridge", do=lambda: network.make(self._state), undo=lambda: _remove_bridge(self._state)),
            Step(name="certificates", do=self._issue),
            Step(
                name="processes",
                shown="starting the control plane and the nodes",
                do=self._start,
                undo=lambda: stop(self._state),
            ),
        )

    def plane(self) -> ControlPlane:
        record = self._state.network()
        if record is None:
            raise LabError(f"{self._state.root} lost its network.json while the lab was starting: start it again")
        api = control_plane.api_server(self._state, record)
        return ControlPlane(state=self._state, network=record, api=api, toolchain=self._toolchain, reused=False)

    def _make_directory(self) -> None:
        self._state.create()
        self._state.toolchain.write_text(str(self._toolchain.directory), encoding="utf-8")

    def _issue(self) -> None:
        plane = self.plane()
        nodes = {node.name: node.address(plane.network) for node in NODES}
        credentials.issue(self._state, plane.network, plane.api, nodes)

    def _start(self) -> None:
        try:
            processes.start(self.plane(), PROCESSES)
        except LabError as problem:
            logs, kept = str(self._state.logs), str(_keep_logs(self._state))
            raise LabError(str(problem).replace(logs, kept)) from problem


def _remove(state: State) -> None:
    stop(state)
    control_groups.remove(state)
    _remove_bridge(state)
    state.remove()


def _remove_bridge(state: State) -> None:
    if (record := state.network()) is not None:
        network.down(state, record)


def _keep_logs(state: State) -> Path:
    """The logs of a lab that failed to start, moved to where its removal does not reach."""
    kept = Path(tempfile.mkdtemp(prefix="zero-trust-mesh-lab-logs-"))
    for log in state.logs.glob("*.log"):
        log.rename(kept / log.name)
    return kept

"""What one can do with the lab's control plane: bring it up, take it down, ask how it is."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from lab import paths
from lab.build import build, packages
from lab.build.toolchain_files import Toolchain
from lab.cluster import control_plane, network, processes
from lab.cluster.control_plane import PROCESSES, ControlPlane
from lab.errors import LabError
from lab.progress import Progress, Silent
from lab.state import NetworkRecord, State

# The locks that this process has.
_HELD: set[Path] = set()


@dataclass(frozen=True, kw_only=True)
class StatusRow:
    """One part of the lab; `state` is one of running, stopped, absent."""

    name: str
    state: str
    detail: str


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
        if running := _whole(state, built):
            return running
        if state.exists():
            shown.line("a lab that is not whole is in the way: removing it")
            _remove(state)
        state.create()
        try:
            state.toolchain.write_text(str(built.directory), encoding="utf-8")
            record = network.make(state)
            return control_plane.start(state, record, built, shown.update)
        except BaseException as problem:
            kept = _keep_logs(state) if isinstance(problem, LabError) else None
            _remove(state)
            if kept is not None and (text := str(problem)) != (moved := text.replace(str(state.logs), str(kept))):
                raise LabError(moved) from problem
            raise


def down() -> bool:
    """Stops and removes everything the lab's records name; False if there was no lab."""
    state = current_state()
    if not state.exists():
        return False
    with alone(state):
        _remove(state)
    return True


def status() -> tuple[StatusRow, ...]:
    """One row for each process and the bridge, from the records and the machine; asks nobody to be root."""
    state = current_state()
    record = state.network()
    rows = []
    by_name = {entry.name: entry for entry in state.records()}
    for name in PROCESSES:
        entry = by_name.get(name)
        if entry is None:
            rows.append(StatusRow(name=name, state="absent", detail="never started"))
        elif entry.alive():
            rows.append(StatusRow(name=name, state="running", detail=f"process {entry.pid}"))
        else:
            log = processes.log_file(state, name)
            rows.append(StatusRow(name=name, state="stopped", detail=processes.last_words(log)))
    pods = sum(1 for entry in state.pod_records() if entry.alive())
    rows.append(StatusRow(name="pods' processes", state="running" if pods else "absent", detail=str(pods)))
    rows.append(_bridge_row(state, record))
    return tuple(rows)


def kubeconfig_path() -> Path:
    """The running lab's kubeconfig; raises LabError if there is no lab."""
    path = current_state().kubeconfig
    if not path.exists():
        raise LabError("no lab is running here: start one with make lab")
    return path


def running() -> ControlPlane:
    """The lab that is running; raises LabError if there is none or it is not whole."""
    state = current_state()
    if not state.exists():
        raise LabError("no lab is running here: start one with make lab")
    if found := _whole(state, None):
        return found
    raise LabError("the lab is not whole (make lab-status says what is missing): make lab repairs it")


def current_state() -> State:
    """The state directory that this environment means."""
    return State(root=paths.state_directory())


def _whole(state: State, wanted: Toolchain | None) -> ControlPlane | None:
    """The lab, if all of it runs, answers, and is of the toolchain that is wanted."""
    record = state.network()
    if record is None or not network.is_up(state, record) or not state.toolchain.exists():
        return None
    if not set(PROCESSES) <= {entry.name for entry in state.records() if entry.alive()}:
        return None
    directory = Path(state.toolchain.read_text(encoding="utf-8"))
    if wanted is not None and directory != wanted.directory:
        return None
    toolchain = wanted
    if toolchain is None:
        toolchain = build.existing(directory)
    api = control_plane.api_server(state, record)
    if toolchain is None or not api.ready() or not control_plane.node_ready(api):
        return None
    return ControlPlane(state=state, network=record, api=api, toolchain=toolchain, reused=True)


def _remove(state: State) -> None:
    # The node first: it stops its pods while the API server still answers. Then from the outside in.
    entries = {entry.name: entry for entry in state.records()}
    for name in reversed(PROCESSES):
        if name in entries:
            processes.stop([entries.pop(name)])
    processes.stop(entries.values())
    processes.stop(state.pod_records(), seconds=1)
    record: NetworkRecord | None = state.network()
    if record is not None:
        network.down(state, record)
    state.remove()


def _keep_logs(state: State) -> Path | None:
    """The logs of a lab that failed to start, moved to where its removal does not reach."""
    if not state.logs.is_dir():
        return None
    kept = Path(tempfile.mkdtemp(prefix="zero-trust-mesh-lab-logs-"))
    for log in state.logs.glob("*.log"):
        log.rename(kept / log.name)
    return kept


def _bridge_row(state: State, record: NetworkRecord | None) -> StatusRow:
    if record is None:
        return StatusRow(name="bridge", state="absent", detail="never made")
    here = network.is_up(state, record)
    detail = f"{record.bridge}, {record.address}, node {record.node}, pods {record.pods}, services {record.services}"
    return StatusRow(name="bridge", state="running" if here else "stopped", detail=detail)


@contextmanager
def alone(state: State) -> Generator[None]:
    """One command at a time changes a lab; within one, this nests. The lock lies outside of what `down` removes.

    Raises LabError if another command has it.
    """
    name = sha256(str(state.root).encode()).hexdigest()[:12]
    path = Path(tempfile.gettempdir()) / f"zero-trust-mesh-lab-{name}.lock"
    if path in _HELD:
        yield
        return
    with path.open("w", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise LabError("another command is changing this lab: wait until it is done") from problem
        _HELD.add(path)
        try:
            yield
        finally:
            _HELD.discard(path)
            path.unlink(missing_ok=True)

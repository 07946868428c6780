"""The lab that runs, as commands find it; and the lock that lets one of them at a time change it."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from lab import paths
from lab.build import build
from lab.build.toolchain_files import Toolchain
from lab.cluster import control_plane, network
from lab.cluster.control_plane import ControlPlane
from lab.errors import LabError
from lab.node.nodes import NODES
from lab.node.table import PROCESSES
from lab.state import State

_NONE = "no lab is running here: start one with make lab"
# The locks that this process has.
_HELD: set[Path] = set()


def current_state() -> State:
    """The state directory that this environment means."""
    return State(root=paths.state_directory())


def kubeconfig_path() -> Path:
    """The running lab's kubeconfig; raises LabError if there is no lab."""
    path = current_state().kubeconfig
    if not path.exists():
        raise LabError(_NONE)
    return path


def running() -> ControlPlane:
    """The lab that is running; raises LabError if there is none or it is not whole."""
    state = current_state()
    if not state.exists():
        raise LabError(_NONE)
    if found := whole(state, None):
        return found
    raise LabError("the lab is not whole (make lab-status says what is missing): make lab repairs it")


def whole(state: State, wanted: Toolchain | None) -> ControlPlane | None:
    """The control plane, if all of it runs, answers, and is of the toolchain that is wanted (None: of its own)."""
    record = state.network()
    if record is None or not network.is_up(state, record) or not state.toolchain.exists():
        return None
    if not {row.name for row in PROCESSES} <= state.alive().keys():
        return None
    directory = Path(state.toolchain.read_text(encoding="utf-8"))
    if wanted is not None and directory != wanted.directory:
        return None
    toolchain = wanted if wanted is not None else build.existing(directory)
    api = control_plane.api_server(state, record)
    if toolchain is None or not api.ready() or not all(control_plane.node_ready(api, node.name) for node in NODES):
        return None
    return ControlPlane(state=state, network=record, api=api, toolchain=toolchain, reused=True)


@contextmanager
def alone(state: State) -> Generator[None]:
    """One command at a time changes a lab; within one, this nests. The lock lies beside what `down` removes.

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

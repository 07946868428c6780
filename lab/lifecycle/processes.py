"""The one table of all processes of a lab, in the order in which they start; their status and their end."""

from __future__ import annotations

from lab.aws import moto
from lab.cluster import network, processes
from lab.cluster.processes import Process, StatusRow
from lab.gitops import source
from lab.lifecycle.running import current_state
from lab.load_balancer import processes as load_balancers
from lab.node import control_groups
from lab.node.table import PROCESSES as PROCESSES_OF_CLUSTER
from lab.state import State

PROCESSES: tuple[Process, ...] = (
    *PROCESSES_OF_CLUSTER,
    moto.PROCESS,
    *load_balancers.PROCESSES,
)
ON_DEMAND: tuple[Process, ...] = (source.PROCESS,)
"""Those of a lab that asked for them."""
PODS = "pods' processes"


def status() -> tuple[StatusRow, ...]:
    """One row for each process, for the pods' and for the bridge, from the records; asks nobody to be root."""
    state = current_state()
    pods = len(control_groups.processes(state))
    asked_for = {record.name for record in state.records()}
    return (
        *processes.status(state, (*PROCESSES, *(row for row in ON_DEMAND if row.name in asked_for))),
        StatusRow(name=PODS, state="running" if pods else "absent", detail=str(pods)),
        _bridge(state),
    )


def stop(state: State) -> None:
    """Stops them all. Pods are not asked: they end with their node."""
    processes.stop(state, (*PROCESSES, *ON_DEMAND))
    # Of a lab that another version made.
    processes.stop_recorded(state.alive().values())


def _bridge(state: State) -> StatusRow:
    record = state.network()
    if record is None:
        return StatusRow(name="bridge", state="absent", detail="never made")
    here = network.is_up(state, record)
    detail = f"{record.bridge}, {record.address}, node {record.node}, pods {record.pods}, services {record.services}"
    return StatusRow(name="bridge", state="running" if here else "stopped", detail=detail)

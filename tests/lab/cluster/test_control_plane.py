"""The control plane by itself: started, found again, repaired, taken down without a trace."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from lab.build.toolchain_files import Toolchain
from lab.cluster import network
from lab.cluster.control_plane import ControlPlane
from lab.errors import LabError
from lab.lifecycle import processes, running, up
from lab.node.nodes import NODES
from lab.node.table import PROCESSES
from lab.state import State
from lab.waiting import until
from tests.lab.conftest import kubectl

pytestmark = pytest.mark.timeout(900)


def test_the_api_server_answers_on_the_bridge_only(control_plane: ControlPlane) -> None:
    listening = subprocess.run(["ss", "-ltnH"], capture_output=True, text=True, check=True).stdout
    ours = [line.split()[3] for line in listening.splitlines() if line.split()[3].endswith((":443", ":2379", ":10257"))]
    address = control_plane.network.address
    assert f"{address}:443" in ours
    assert all(place.startswith(("10.", address)) for place in ours), f"bound beyond the bridge: {ours}"


def test_up_on_a_running_lab_reuses_it(control_plane: ControlPlane) -> None:
    before = [record.pid for record in control_plane.state.records()]
    again = up.up_control_plane(toolchain=control_plane.toolchain)
    assert again.reused
    assert [record.pid for record in again.state.records()] == before, "a process was started anew"


def test_status_shows_every_process_running(control_plane: ControlPlane) -> None:
    rows = {row.name: row.state for row in processes.status()}
    wanted = [*(row.name for row in PROCESSES), "bridge"]
    assert {name: rows[name] for name in wanted} == dict.fromkeys(wanted, "running")


def test_the_kubeconfig_is_its_owners_only_and_works(control_plane: ControlPlane) -> None:
    path = running.kubeconfig_path()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    nodes = json.loads(kubectl(control_plane, "get", "nodes", "--output=json"))["items"]
    zones = [node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes]
    assert zones == ["eu-west-1a", "eu-west-1b"]
    addresses = [node["status"]["addresses"][0] for node in nodes]
    assert addresses == [
        {"type": "InternalIP", "address": node.address(control_plane.network)} for node in NODES
    ]  # fmt: skip


def test_pod_security_admission_is_on(control_plane: ControlPlane) -> None:
    kubectl(control_plane, "create", "namespace", "restricted")
    until(
        lambda: "default" in kubectl(control_plane, "get", "sa", "--namespace=restricted"),
        seconds=20,
        what="its service account",
    )
    kubectl(control_plane, "label", "namespace", "restricted", "pod-security.kubernetes.io/enforce=restricted")
    with pytest.raises(AssertionError, match="violates PodSecurity"):
        kubectl(control_plane, "run", "loose", "--image=example/loose:1", "--namespace=restricted")


def test_a_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(LabError, match=f"etcd needs port {port} on 127.0.0.1") as caught:
            network.require_free("127.0.0.1", port, "etcd")
    assert "\n" not in str(caught.value)


def test_a_chart_that_cannot_be_had_is_named(toolchain: Toolchain) -> None:
    with pytest.raises(LabError, match="chart 'karpenter' of"):
        toolchain.chart("https://example.com/charts", "karpenter")


def test_a_lab_that_lost_a_process_is_started_anew_and_down_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, control_plane: ControlPlane
) -> None:
    # Beside the session's lab, which shows too that two labs do not disturb each other.
    root = tmp_path / "second"
    monkeypatch.setenv("ZTM_LAB_STATE", str(root))
    first = up.up_control_plane(toolchain=control_plane.toolchain)
    assert first.network.bridge != control_plane.network.bridge
    assert _bridges(root) == {first.network.bridge}
    server = next(record for record in first.state.records() if record.name == "kube-apiserver")
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: not server.alive(), seconds=20, what="the API server's end")
    assert {row.name: row.state for row in processes.status()}["kube-apiserver"] == "stopped"
    with pytest.raises(LabError, match="not whole"):
        running.running()

    second = up.up_control_plane(toolchain=control_plane.toolchain)
    assert not second.reused
    records = list(second.state.records())
    assert up.down()
    assert not any(record.alive() for record in records)
    assert not _bridges(root)
    assert not root.exists()
    assert not up.down(), "there was nothing left to take down"


def test_a_start_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, control_plane: ControlPlane
) -> None:
    broken = tmp_path / "broken"
    (broken / "bin").mkdir(parents=True)
    for name in ("kubernetes", "etcd", "kube-apiserver"):
        program = broken / "bin" / name
        program.write_text("#!/bin/sh\necho this program is broken >&2\nexit 3\n", encoding="utf-8")
        program.chmod(0o755)
    root = tmp_path / "state"
    monkeypatch.setenv("ZTM_LAB_STATE", str(root))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where the logs of a failed start are kept
    with pytest.raises(LabError, match=r"ended while starting \(exit 3\): this program is broken") as caught:
        up.up_control_plane(toolchain=Toolchain(directory=broken, kubectl=control_plane.toolchain.kubectl))
    assert "\n" not in str(caught.value)
    assert not root.exists()
    assert not _bridges(root)


def test_a_record_of_a_recycled_process_id_is_not_taken_for_ours(tmp_path: Path) -> None:
    state = State(root=tmp_path / "state")
    state.create()
    mine = Path("/proc/self/stat").read_text(encoding="utf-8")
    head, _, tail = mine.rpartition(")")
    fields = tail.split()
    fields[19] = str(int(fields[19]) - 1)
    (state.processes / "etcd.stat").write_text(f"{head}) {' '.join(fields)}", encoding="utf-8")
    (record,) = state.records()
    assert record.pid == os.getpid()
    assert not record.alive()


def _bridges(state: Path) -> set[str]:
    """The bridges that say they are this lab's; other labs come and go beside it."""
    links = Path("/sys/class/net").iterdir()
    return {link.name for link in links if str(state) in (link / "ifalias").read_text(encoding="utf-8")}


def _await_service_account(lab: ControlPlane, namespace: str) -> None:
    accounts = ("get", "serviceaccounts", f"--namespace={namespace}")
    until(lambda: "default" in kubectl(lab, *accounts), seconds=20, what="its service account")

"""The lab's addresses, and what kube-proxy is told."""

from __future__ import annotations

import os
import subprocess
from ipaddress import IPv4Network, ip_address, ip_network
from pathlib import Path

import pytest

from lab.cluster import kube_proxy, network
from lab.errors import LabError
from lab.state import NetworkRecord, State

RECORD = NetworkRecord(
    bridge="ztm0", address="10.201.0.1", network="10.201.0.0/24", pods="10.201.64.0/18", services="10.201.128.0/17"
)


@pytest.fixture
def empty_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No lab's bridge and no route."""
    monkeypatch.setattr(network, "_exists", lambda _: False)
    monkeypatch.setattr(network, "_taken", list)


@pytest.mark.usefixtures("empty_machine")
def test_the_first_lab_has_the_first_bridge_and_range(tmp_path: Path) -> None:
    assert network.choose(State(root=tmp_path)) == RECORD


def test_every_address_of_the_labs_own_is_in_the_bridges_network_and_no_two_are_the_same() -> None:
    ours = [RECORD.address, RECORD.node, RECORD.internet, *(RECORD.load_balancer(index) for index in range(5))]

    assert len(set(ours)) == len(ours)
    assert all(ip_address(one) in ip_network(RECORD.network) for one in ours)
    assert (RECORD.node, RECORD.internet, RECORD.load_balancer(0)) == ("10.201.0.2", "10.201.0.3", "10.201.0.10")


def test_the_services_that_a_cluster_always_has_are_the_first_and_the_tenth() -> None:
    assert (RECORD.kubernetes_service, RECORD.dns) == ("10.201.128.1", "10.201.128.10")


def test_the_ranges_do_not_overlap() -> None:
    ranges = [ip_network(text) for text in (RECORD.network, RECORD.pods, RECORD.services)]

    assert not any(a.overlaps(b) for a in ranges for b in ranges if a is not b)


@pytest.mark.usefixtures("empty_machine")
def test_a_range_that_any_route_of_this_machine_overlaps_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "_taken", lambda: [IPv4Network("10.201.9.0/24"), IPv4Network("10.202.0.0/15")])

    assert network.choose(State(root=tmp_path)).network == "10.204.0.0/24"


@pytest.mark.usefixtures("empty_machine")
def test_a_second_bridge_begins_with_a_range_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So two labs that start at the same moment fail over the bridge's name at most, not over addresses."""
    monkeypatch.setattr(network, "_exists", lambda name: name == "ztm0")

    record = network.choose(State(root=tmp_path))

    assert (record.bridge, record.network) == ("ztm1", "10.202.0.0/24")


@pytest.mark.usefixtures("empty_machine")
def test_a_bridge_that_another_lab_takes_first_is_left_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bridges: set[str] = set()

    def up(_: State, record: NetworkRecord) -> None:
        if not bridges:
            bridges.add(record.bridge)
            raise LabError(f"ip link add {record.bridge}: RTNETLINK answers: File exists")

    monkeypatch.setattr(network, "_exists", lambda name: name in bridges)
    monkeypatch.setattr(network, "up", up)
    state = State(root=tmp_path)

    record = network.make(state)

    assert (bridges, record.bridge) == ({"ztm0"}, "ztm1")
    assert state.network() == record, "what is noted is what was made"


@pytest.mark.usefixtures("empty_machine")
def test_a_bridge_that_cannot_be_made_at_all_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def up(_: State, record: NetworkRecord) -> None:
        tried.append(record.bridge)
        raise LabError("ip link add ztm0: RTNETLINK answers: Operation not supported")

    monkeypatch.setattr(network, "up", up)

    with pytest.raises(LabError, match="Operation not supported"):
        network.make(State(root=tmp_path))
    assert tried == ["ztm0"]


@pytest.mark.usefixtures("empty_machine")
def test_a_machine_without_a_free_range_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_taken", lambda: [IPv4Network("10.0.0.0/8")])

    with pytest.raises(LabError, match=r"every range from 10\.201\.0\.0/16 to 10\.250\.0\.0/16 is in use"):
        network.choose(State(root=tmp_path))


def test_a_process_that_is_still_in_this_namespace_is_never_given_the_nodes_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What would follow is an address and forwarding on this machine itself."""
    monkeypatch.setattr(network, "_NAMESPACE_SECONDS", 0.0)
    with subprocess.Popen(["/bin/sleep", "30"]) as here:
        try:
            with pytest.raises(LabError, match=f"process {here.pid} did not make a network namespace"):
                network.connect_node(RECORD, here)
        finally:
            here.kill()


def test_a_command_enters_the_namespace_of_the_process_that_is_named() -> None:
    assert network.entering(os.getpid()) == ("nsenter", f"--net=/proc/{os.getpid()}/ns/net")


def test_kube_proxy_is_told_to_leave_every_setting_of_the_kernel_alone() -> None:
    configuration = kube_proxy.configuration(RECORD, Path("/state/kube-proxy.kubeconfig"), "lab-node")

    assert configuration["conntrack"] == {
        "maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"
    }  # fmt: skip
    assert configuration["mode"] == "nftables"


def test_kube_proxy_listens_on_the_nodes_address_only() -> None:
    configuration = kube_proxy.configuration(RECORD, Path("/state/kube-proxy.kubeconfig"), "lab-node")

    for key in ("bindAddress", "healthzBindAddress", "metricsBindAddress"):
        assert str(configuration[key]).partition(":")[0] == RECORD.node

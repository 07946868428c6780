"""The control loop of the load balancers' stand-in over a cluster, an account and an Envoy that only remember."""

from __future__ import annotations

import copy
import threading
import time
from pathlib import Path
from typing import Any, cast

import pytest

from lab.errors import LabError
from lab.load_balancer import report
from lab.load_balancer.cluster import Seen
from lab.load_balancer.controller import Controller
from lab.load_balancer.model import LoadBalancerModel, TargetGroup
from tests.unit.lab.load_balancer.load_balancers import (
    CERTIFICATE,
    GATEWAY,
    around,
    balanced_service,
    endpoint,
    endpoint_slice,
    ingress,
)

ALB, NLB = f"Ingress {GATEWAY}", f"Service {GATEWAY}-nlb"


class Cluster:
    """What the cluster wants, and what was written to it."""

    def __init__(self) -> None:
        self.wanted: list[dict[str, Any]] = []
        self.statuses: dict[str, Any] = {}
        self.events: list[tuple[str, str]] = []
        known = around()
        self.services, self.slices = dict(known.services), dict(known.slices)

    def see(self) -> Seen:
        return Seen(wanted=tuple(self.wanted), services=self.services, slices=self.slices)

    def write_status(self, wanted: dict[str, Any], addresses: Any) -> None:
        self.statuses[report.source_of(wanted)] = addresses

    def write_event(self, wanted: dict[str, Any], reason: str, message: str, *, warning: bool) -> None:
        self.events.append((reason, message))


class Account:
    """An account with what `around` has, and the load balancers that were made in it."""

    cluster = "mesh-lab"

    def __init__(self) -> None:
        self.made: dict[str, LoadBalancerModel] = {}
        self.calls: list[str] = []
        self.status = "ISSUED"
        self.there = True

    def vpc(self) -> str | None:
        return "vpc-1" if self.there else None

    def subnets(self, vpc: str) -> Any:
        return around().subnets

    def certificates(self, arns: Any) -> dict[str, str]:
        return {arn: self.status for arn in arns if arn == CERTIFICATE}

    def web_acls(self) -> frozenset[str]:
        return frozenset()

    def pair(self, arn: str) -> tuple[bytes, bytes]:
        return b"certificate", b"key"

    def balancers(self) -> dict[str, str]:
        return {name: f"arn-{name}" for name in self.made}

    def make(self, model: LoadBalancerModel, vpc: str) -> None:
        self.calls.append(f"make {model.kind}")
        self.made[model.name] = model

    def register(self, group: TargetGroup) -> None:
        self.calls.append(f"register {' '.join(map(str, group.targets))}")

    def remove(self, name: str) -> None:
        self.calls.append("remove")
        self.made.pop(name, None)


class Proxy:
    """An Envoy that takes everything and finds every target healthy."""

    def __init__(self) -> None:
        self.listeners: list[dict[str, Any]] = []
        self.targets: dict[str, list[str]] = {}
        self.problem = ""

    def apply(self, *, listeners: Any, clusters: Any, endpoints: Any) -> None:
        self.listeners = list(listeners)
        self.targets = {
            each["cluster_name"]: [
                one["endpoint"]["address"]["socket_address"]["address"] for one in each["endpoints"][0]["lb_endpoints"]
            ]
            for each in endpoints
        }

    def endpoints(self, group: str) -> Path:
        return Path(f"/{group}.json")

    def listens(self, balancer: str, count: int) -> bool:
        return True

    def rejected(self, balancer: str) -> str:
        return self.problem

    def health(self, group: str) -> dict[str, str]:
        return {f"{target}:443": "healthy" for target in self.targets[group]}


class Lab:
    """A controller in a state directory of its own."""

    def __init__(self, root: Path) -> None:
        report.directory(root).mkdir()
        self.root, self.cluster, self.account, self.proxy = root, Cluster(), Account(), Proxy()
        self.claimed: list[int] = []
        self.said: list[str] = []
        self.controller = self.started()

    def started(self) -> Controller:
        """Another process of the same stand-in: it remembers nothing."""

        def claim(number: int) -> str:
            self.claimed.append(number)
            return f"10.201.0.{10 + number}"

        return Controller(
            root=self.root,
            cluster=cast(Any, self.cluster),
            account=cast(Any, self.account),
            proxy=cast(Any, self.proxy),
            claim=claim,
            say=self.said.append,
        )

    def step(self, *wanted: dict[str, Any]) -> dict[str, report.Standing]:
        self.cluster.wanted = list(wanted)
        return {standing.source: standing for standing in self.controller.step()}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def an_ingress(**annotations: str) -> dict[str, Any]:
    return {**ingress(**annotations), "status": {}}


def test_what_is_wanted_is_made_served_and_written_back(lab: Lab) -> None:
    standing = lab.step(an_ingress(), balanced_service())
    assert lab.account.calls == [
        "make application", "register 10.0.0.5:443 10.0.0.6:443", "make network", "register 10.0.0.5:443",
    ]  # fmt: skip
    assert (standing[ALB].address, standing[ALB].ports, standing[ALB].refused) == ("10.201.0.10", (80, 443), "")
    assert standing[NLB].address == "10.201.0.11"
    assert lab.cluster.statuses[ALB] == [{"hostname": "alb.stand-in.lab.invalid", "ip": "10.201.0.10"}]
    assert lab.cluster.statuses[NLB] == [{"hostname": "nlb.stand-in.lab.invalid", "ip": "10.201.0.11"}]
    assert report.read(lab.root) == tuple(standing.values())
    assert "2 of 2 targets healthy" in str(standing[ALB])


def test_a_second_look_at_the_same_changes_nothing(lab: Lab) -> None:
    lab.step(an_ingress())
    lab.account.calls.clear()
    events = list(lab.cluster.events)
    lab.step(an_ingress())
    assert lab.account.calls == []
    assert (lab.cluster.events, lab.claimed) == (events, [0])


def test_targets_follow_the_endpoints_without_a_new_load_balancer(lab: Lab) -> None:
    lab.step(an_ingress())
    lab.account.calls.clear()
    lab.cluster.slices[GATEWAY] = (endpoint_slice(endpoint("10.0.0.9", ready=True)),)
    standing = lab.step(an_ingress())
    assert lab.account.calls == ["register 10.0.0.9:443"]
    assert standing[ALB].targets == {"10.0.0.9:443": "healthy"}


def test_a_refusal_is_an_event_and_a_line_once_and_leaves_the_status_empty(lab: Lab) -> None:
    wrong = an_ingress(ssl_policy="none")
    for _ in range(3):
        standing = lab.step(wrong)
    assert standing[ALB].refused.startswith("FailedDeployModel: alb.ingress.kubernetes.io/ssl-policy is 'none'")
    assert [reason for reason, _ in lab.cluster.events] == ["FailedDeployModel"]
    assert lab.cluster.events[0][1].startswith("stand-in: alb.ingress.kubernetes.io/ssl-policy")
    assert len([line for line in lab.said if "REFUSED" in line]) == 1
    assert (lab.cluster.statuses, lab.proxy.listeners, lab.account.made) == ({}, [], {})


def test_a_refused_change_leaves_what_is_served_with_the_pods_of_now(lab: Lab) -> None:
    lab.step(an_ingress())
    lab.cluster.slices[GATEWAY] = (endpoint_slice(endpoint("10.0.0.9", ready=True)),)
    standing = lab.step(an_ingress(certificate_arn="arn:other"))
    assert "CertificateNotFound" in standing[ALB].refused
    assert len(lab.proxy.listeners) == 2
    assert list(lab.proxy.targets.values()) == [["10.0.0.9"]]
    assert lab.step(an_ingress())[ALB].refused == ""


def test_what_is_no_longer_wanted_is_removed_everywhere(lab: Lab) -> None:
    lab.step(an_ingress(), balanced_service())
    assert lab.step(balanced_service()).keys() == {NLB}
    assert lab.account.calls[-1] == "remove"
    assert [each["address"]["socket_address"]["address"] for each in lab.proxy.listeners] == ["10.201.0.11"]


def test_a_new_process_keeps_the_addresses_and_removes_what_nobody_wants_any_more(lab: Lab) -> None:
    lab.step(an_ingress(), balanced_service())
    lab.controller = lab.started()
    assert lab.step(balanced_service())[NLB].address == "10.201.0.11"
    assert [model.kind for model in lab.account.made.values()] == ["network"]


def test_an_account_that_was_made_anew_gets_its_load_balancer_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.step(an_ingress())
    lab.account.made.clear()
    lab.account.calls.clear()
    later = time.monotonic() + 60
    monkeypatch.setattr(time, "monotonic", lambda: later)
    lab.step(an_ingress())
    assert lab.account.calls == ["make application", "register 10.0.0.5:443 10.0.0.6:443"]


def test_without_a_cluster_in_the_account_there_is_no_vpc_to_look_in(lab: Lab) -> None:
    lab.account.there = False
    assert "there is no EKS cluster mesh-lab in the account" in lab.step(an_ingress())[ALB].refused


def test_what_envoy_does_not_take_is_a_failed_deployment(lab: Lab) -> None:
    lab.proxy.problem = "cannot bind"
    assert lab.step(an_ingress())[ALB].refused == "FailedDeployModel: Envoy did not take it: cannot bind"


# --- whoever waits for it --------------------------------------------------------------------------------------


def test_the_engine_waits_for_what_it_has_just_asked_for_and_not_for_what_was_before(lab: Lab) -> None:
    before, after = an_ingress(), an_ingress(healthcheck_path="/other")
    lab.step(before)
    assert report.await_served(lab.root, before).address == "10.201.0.10"
    later = threading.Timer(0.2, lambda: lab.step(after))
    later.start()
    assert report.await_served(lab.root, after, seconds=5).wish == report.wish_of(after)
    later.join()


def test_a_refusal_is_the_error_of_whoever_waits(lab: Lab) -> None:
    wrong = an_ingress(scheme="public")
    lab.step(wrong)
    with pytest.raises(LabError, match=rf"refused {ALB}: FailedBuildModel: .*scheme is 'public'"):
        report.await_served(lab.root, wrong)


def test_a_stand_in_that_says_nothing_is_an_error_that_names_its_log(lab: Lab) -> None:
    with pytest.raises(LabError, match=r"waited 0 s in vain for an address of .*load-balancer-controller\.log"):
        report.await_served(lab.root, an_ingress(), seconds=0)


def test_targets_that_are_not_healthy_in_time_are_named(lab: Lab) -> None:
    lab.cluster.slices[GATEWAY] = ()
    lab.step(an_ingress())
    with pytest.raises(
        LabError, match=rf"waited 0 s in vain for every load balancer .*{ALB} at 10.201.0.10, .* 0 of 0 targets healthy"
    ):
        report.await_healthy(lab.root, seconds=0)


def test_a_wish_is_the_annotations_and_the_spec_and_nothing_that_others_write() -> None:
    one = an_ingress()
    other = copy.deepcopy(one)
    other["status"] = {"loadBalancer": {}}
    other["metadata"]["resourceVersion"] = "7"
    assert report.wish_of(one) == report.wish_of(other)
    other["metadata"]["annotations"]["alb.ingress.kubernetes.io/scheme"] = "internet-facing"
    assert report.wish_of(one) != report.wish_of(other)

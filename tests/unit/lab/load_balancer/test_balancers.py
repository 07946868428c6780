"""The loop that plays load balancers, over an account and an Envoy that only remember."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from lab.errors import LabError
from lab.load_balancer import report
from lab.load_balancer.balancers import Balancers
from lab.load_balancer.model import LoadBalancerModel, NotPlayed, Target
from tests.unit.lab.load_balancer.load_balancers import CERTIFICATE, GATEWAY, GROUP, alb, nlb

ALB, NLB = f"Ingress {GATEWAY}", f"Service {GATEWAY}-nlb"


class Account:
    """An account with these load balancers, which remembers what health it was told."""

    def __init__(self) -> None:
        self.made: dict[str, LoadBalancerModel | NotPlayed] = {}
        self.number = 0
        self.reads = 0
        self.told: list[dict[str, dict[str, str]]] = []
        self.kept: frozenset[str] = frozenset()

    def version(self) -> str:
        return str(self.number)

    def balancers(self) -> dict[str, LoadBalancerModel | NotPlayed]:
        self.reads += 1
        return dict(self.made)

    def pair(self, arn: str) -> tuple[bytes, bytes]:
        if arn in self.kept:
            raise NotPlayed(f"the key of {arn} cannot be had")
        return b"certificate", b"key"

    def tell_health(self, health: dict[str, dict[str, str]]) -> None:
        self.told.append(health)


class Proxy:
    """An Envoy that takes everything and finds every target healthy."""

    def __init__(self) -> None:
        self.listeners: list[dict[str, Any]] = []
        self.targets: dict[str, list[str]] = {}
        self.problem = ""
        self.state = "healthy"

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
        return {f"{target}:443": self.state for target in self.targets[group]}


class Lab:
    """What plays load balancers, in a state directory of its own."""

    def __init__(self, root: Path) -> None:
        report.directory(root).mkdir()
        self.root, self.account, self.proxy = root, Account(), Proxy()
        self.claimed: list[int] = []
        self.said: list[str] = []
        self.balancers = self.started()

    def started(self) -> Balancers:
        """Another process: it remembers nothing."""

        def claim(number: int) -> str:
            self.claimed.append(number)
            return f"10.201.0.{10 + number}"

        return Balancers(
            root=self.root,
            account=cast(Any, self.account),
            proxy=cast(Any, self.proxy),
            claim=claim,
            say=self.said.append,
        )

    def step(self, *made: LoadBalancerModel | NotPlayed) -> dict[str, report.Standing]:
        self.account.made = {model.name if isinstance(model, LoadBalancerModel) else "k8s-alb": model for model in made}
        self.account.number += 1
        return self.again()

    def again(self) -> dict[str, report.Standing]:
        return {standing.source: standing for standing in self.balancers.step()}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_what_the_account_has_is_played_at_an_address_of_its_own(lab: Lab) -> None:
    standing = lab.step(alb(), nlb())
    assert (standing[ALB].address, standing[ALB].ports, standing[ALB].refused) == ("10.201.0.10", (80, 443), "")
    assert standing[NLB].address == "10.201.0.11"
    assert report.read(lab.root) == tuple(standing.values())
    assert "2 of 2 targets healthy" in str(standing[ALB])


def test_the_book_has_the_address_of_each_dns_name(lab: Lab) -> None:
    lab.step(alb(), nlb())
    wanted = {alb().host: "10.201.0.10", nlb().host: "10.201.0.11"}
    assert report.addresses(lab.root) == wanted
    assert json.loads(report.hosts(lab.root).read_text()) == wanted


def test_the_account_is_not_read_again_while_nothing_changed_there(lab: Lab) -> None:
    lab.step(alb())
    lab.again()
    lab.again()
    assert (lab.account.reads, lab.claimed) == (1, [0])


def test_the_account_is_told_the_health_when_it_changes_and_only_then(lab: Lab) -> None:
    lab.step(alb())
    lab.again()
    lab.proxy.state = "unhealthy"
    lab.again()
    assert lab.account.told == [
        {GROUP.arn: {"10.0.0.5:443": state, "10.0.0.6:443": state}} for state in ("healthy", "unhealthy")
    ]


def test_targets_follow_the_account(lab: Lab) -> None:
    lab.step(alb())
    standing = lab.step(alb(group=replace(GROUP, targets=(Target(address="10.0.0.9", port=443),))))
    assert standing[ALB].targets == {"10.0.0.9:443": "healthy"}


def test_what_is_not_played_is_said_once_and_what_was_before_goes_on(lab: Lab) -> None:
    lab.step(alb())
    for _ in range(3):
        lab.step(NotPlayed(f"{ALB}: port 443 has rules"))
    (standing,) = report.read(lab.root)
    assert (standing.refused, standing.address) == ("port 443 has rules", "10.201.0.10")
    assert len(lab.proxy.listeners) == 2
    assert len([line for line in lab.said if "NOT PLAYED: port 443 has rules" in line]) == 1


def test_a_certificate_whose_key_acm_keeps_is_not_played(lab: Lab) -> None:
    lab.account.kept = frozenset({CERTIFICATE})
    assert lab.step(alb())[ALB].refused == f"the key of {CERTIFICATE} cannot be had"
    assert lab.proxy.listeners == []


def test_what_is_gone_from_the_account_is_gone_here(lab: Lab) -> None:
    lab.step(alb(), nlb())
    assert lab.step(nlb()).keys() == {NLB}
    assert [each["address"]["socket_address"]["address"] for each in lab.proxy.listeners] == ["10.201.0.11"]


def test_a_new_process_keeps_the_addresses(lab: Lab) -> None:
    lab.step(alb(), nlb())
    lab.balancers = lab.started()
    assert lab.step(nlb())[NLB].address == "10.201.0.11"


def test_what_envoy_does_not_take_is_said(lab: Lab) -> None:
    lab.proxy.problem = "cannot bind"
    assert lab.step(alb())[ALB].refused == "Envoy did not take it: cannot bind"


# --- whoever waits for it --------------------------------------------------------------------------------------


def test_whoever_waits_gets_the_address(lab: Lab) -> None:
    lab.step(alb())
    assert report.await_served(lab.root, ALB).address == "10.201.0.10"


def test_what_is_not_played_is_the_error_of_whoever_waits(lab: Lab) -> None:
    lab.step(alb())
    lab.step(NotPlayed(f"{ALB}: port 443 has rules"))
    with pytest.raises(LabError, match=rf"{ALB}: the lab does not play its load balancer: port 443 has rules"):
        report.await_served(lab.root, ALB)


def test_a_load_balancer_that_is_not_there_is_an_error_that_names_the_log(lab: Lab) -> None:
    with pytest.raises(LabError, match=r"waited 0 s in vain for the load balancer of .*load-balancers-reader\.log"):
        report.await_served(lab.root, ALB, seconds=0)


def test_targets_that_are_not_healthy_in_time_are_named(lab: Lab) -> None:
    lab.step(alb(group=replace(GROUP, targets=())))
    with pytest.raises(
        LabError, match=rf"waited 0 s in vain for every load balancer .*{ALB} at 10.201.0.10, .* 0 of 0 targets healthy"
    ):
        report.await_healthy(lab.root, seconds=0)

"""A destroy of a whole lab, last of all: in the program's order to its end, in another with a load balancer left."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from lab.aws import moto
from lab.aws.made import Aws
from lab.commands.destroying import left_behind
from lab.engine import destruction, program
from lab.engine.engine import LabEngine
from lab.engine.helm_releases import TYPE as RELEASE
from lab.paths import PROGRAM, STACK
from lab.state import State
from manifests.ingress import INGRESS_NAME
from manifests.names import ISTIO_INGRESS
from meshops.plan import plan as planning
from offline.registration import EngineError
from tests.whole_lab import WholeLab

REGION = "eu-west-1"


def account(lab: WholeLab) -> Aws:
    endpoint = moto.endpoint_of(State(root=lab.state))
    assert endpoint is not None
    return Aws(endpoint_url=endpoint, region=REGION)


@pytest.fixture
def brought_back(whole_lab: WholeLab) -> Iterator[WholeLab]:
    yield whole_lab
    again = whole_lab.command("up", "--no-proofs")
    assert again.returncode == 0, again.stdout + again.stderr


def test_in_the_programs_order_nothing_is_left_that_costs(brought_back: WholeLab) -> None:
    assert left_behind(account(brought_back)), "there is something to take down"
    destroyed = brought_back.command("destroy", "--keep")
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    said = destroyed.stdout + destroyed.stderr
    [ingress] = [line for line in said.splitlines() if line.startswith("Ingress ") or "Ingress istio-ingress" in line]
    assert ": removed (" in ingress
    assert said.index(ingress) < said.index("NodeGroup"), "its controller's identity and nodes go after it"
    assert left_behind(account(brought_back)) == ()
    assert account(brought_back).client("eks").list_clusters()["clusters"] == []


def test_with_the_controller_gone_first_the_load_balancer_would_be_left_behind(brought_back: WholeLab) -> None:
    lab = brought_back
    plan = planning.make(STACK, directory=PROGRAM)
    assert plan.settings is not None
    steps = destruction.order(plan.run.registrations)
    # What `deletedWith` keeps the program from: the controller goes before what it alone can take down.
    controller = next(
        dataclasses.replace(each, deleted_with="")
        for each in plan.run.registrations
        if each.type == RELEASE and each.name == "aws-load-balancer-controller"
    )
    ingress = next(each for each in steps if each.name == f"{ISTIO_INGRESS}/{INGRESS_NAME}")
    stand = moto.start(lab.plane)
    engine = LabEngine(
        lab.plane, program.account_of(lab.plane, stand, plan.settings), region=REGION, patience=15,
    )  # fmt: skip
    with pytest.raises(EngineError, match=r"it waits for ingress\.k8s\.aws/resources"):
        engine.destroy((controller, ingress))
    assert [each.what for each in engine.changes] == ["removed"]
    assert any(line.startswith("load balancer k8s-") for line in left_behind(account(lab)))

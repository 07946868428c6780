"""`make lab`: the whole program on one machine, and what it says about it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from lab import paths
from lab.lifecycle.running import alone, current_state
from meshops.verify.registry import CHECKS
from tests.whole_lab import WholeLab, lab_command

pytestmark = pytest.mark.timeout(1800)

REPORT = (
    "charts: 6 deployed, by helm list",
    "applied, counted in the cluster by their field manager",
    "preflight MP101: 2 subnets",
    "preflight MP201: Issued, covers 2 hosts",
)


@pytest.mark.parametrize("line", REPORT)
def test_the_report_says_it_of_the_running_cluster(whole_lab: WholeLab, line: str) -> None:
    verdicts = [text for text in whole_lab.output.splitlines() if line in text]

    assert len(verdicts) == 1
    assert verdicts[0].startswith("ok ")


def test_what_stands_in_and_every_difference_is_labelled(whole_lab: WholeLab) -> None:
    said = whole_lab.output

    for label in ("What stands in", "AWS: moto at http://127.0.0.1:", "AWS, recorded only:", "stand-in for an ALB:"):
        assert label in said
    for part in ("Kubernetes:", "Istio:", "Istio telemetry:", "cert-manager:", "AWS Load Balancer Controller:"):
        assert part in said.partition("How the lab differs from the stack")[2]


def test_every_check_of_verify_passed_on_its_way_up(whole_lab: WholeLab) -> None:
    checks = re.findall(r"^(\S+)\s+MV\d{3}\b", whole_lab.output, re.MULTILINE)

    assert checks == ["PASS"] * len(CHECKS)
    assert f"the lab is up and every proof holds: {len(CHECKS)} passed, 0 failed, 0 unknown\n" in whole_lab.output


def test_the_command_that_it_prints_reaches_an_application_through_all_three_layers(whole_lab: WholeLab) -> None:
    (command,) = re.findall(r"^through all three layers: (curl .*)$", whole_lab.output, re.MULTILINE)

    answer = subprocess.run(
        [*shlex.split(command), "--silent", "--show-error"], capture_output=True, text=True, check=False
    )

    assert (answer.returncode, answer.stderr) == (0, "")
    assert "<title>frontend-ui</title>" in answer.stdout


def test_the_cluster_itself_agrees_with_the_report(whole_lab: WholeLab) -> None:
    pods = whole_lab.get("pods", "--namespace=secure-apps")["items"]
    billing = [pod for pod in pods if pod["metadata"]["labels"]["app"] == "billing-api"]
    containers = [item["name"] for item in (*billing[0]["spec"]["initContainers"], *billing[0]["spec"]["containers"])]
    peer = whole_lab.get("peerauthentication", "default", "--namespace=istio-system")

    assert len(billing) == 3
    assert {pod["metadata"]["labels"]["istio.io/rev"] for pod in billing} == {"1-31-1"}
    assert "istio-proxy" in containers
    assert peer["spec"] == {"mtls": {"mode": "STRICT"}}, "every namespace of the lab is strict"


def test_a_second_run_changes_nothing(whole_lab: WholeLab) -> None:
    # Tests before this one made, changed and put back objects of the program's: the first run makes them its own again.
    assert whole_lab.command("up", "--no-proofs").returncode == 0
    again = whole_lab.command("up")

    assert again.returncode == 0, again.stdout + again.stderr
    counted = re.search(r"^\d+ recorded, \d+ unchanged$", again.stdout, re.MULTILINE)
    assert counted is not None, again.stdout[-1600:]


def test_the_kubeconfig_command_prints_a_path_and_nothing_else(whole_lab: WholeLab) -> None:
    answer = whole_lab.command("kubeconfig")

    assert (answer.returncode, answer.stderr) == (0, "")
    assert Path(answer.stdout.removesuffix("\n")) == whole_lab.plane.kubeconfig
    assert answer.stdout.count("\n") == 1


def test_the_status_command_ends_well_on_a_running_lab_and_badly_without_one(
    whole_lab: WholeLab, tmp_path: Path
) -> None:
    running, absent = whole_lab.command("status"), lab_command(tmp_path / "none", "status")

    assert running.returncode == 0, running.stdout
    assert "kube-apiserver            running" in running.stdout
    assert absent.returncode == 1
    assert "kube-apiserver            absent" in absent.stdout


def test_without_a_lab_the_other_commands_are_one_line(tmp_path: Path) -> None:
    kubeconfig, down = lab_command(tmp_path / "none", "kubeconfig"), lab_command(tmp_path / "none", "down")

    assert (kubeconfig.returncode, kubeconfig.stdout) == (1, "")
    assert kubeconfig.stderr == "lab: no lab is running here: start one with make lab\n"
    assert (down.returncode, down.stdout) == (0, "no lab is running here\n")


def test_a_second_command_that_changes_the_lab_is_turned_away_in_one_line(
    whole_lab: WholeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(paths.STATE_VARIABLE, str(whole_lab.state))
    with alone(current_state()):
        up, down = whole_lab.command("up"), whole_lab.command("down")

    for answer in (up, down):
        assert answer.returncode == 1
        assert answer.stderr == "lab: another command is changing this lab: wait until it is done\n"
    assert whole_lab.command("status").returncode == 0, "and it runs on"


def test_an_object_that_the_api_server_refuses_ends_the_program_with_its_name(whole_lab: WholeLab) -> None:
    """The admission that refused it is the one that a real cluster has: Pod Security, in a namespace of ours."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root", "namespace": "secure-apps"},
        "spec": {"containers": [{"name": "a", "image": "registry.example.com/a:1"}]},
    }

    answer = whole_lab.dry_run(json.dumps(pod))

    assert answer.returncode != 0
    assert 'violates PodSecurity "restricted:' in answer.stderr

"""`make policy` and `make plan`: what they say, what they write, and how they end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshops.plan import command, policy
from meshops.plan.bench_policy import bench_policy
from tests import ROOT

SUPPRESSED = {
    "rule": "MR707",
    "resource": "Cluster cluster",
    "reason": "It is taken down at the end of the month.",
    "expires": "2027-03-31",
}


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The program with the stack `prod`, whose cluster one call deletes."""
    for name in ("__main__.py", "Pulumi.yaml", "Pulumi.prod.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    change(tmp_path, "cluster", deletionProtection=False)
    return tmp_path


def change(directory: Path, key: str, **values: Any) -> None:
    path = directory / "Pulumi.prod.yaml"
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    tree["config"][f"zero-trust-mesh:{key}"].update(values)
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")


def suppress(directory: Path, **changes: str) -> None:
    path = directory / "Pulumi.prod.yaml"
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    tree["config"]["zero-trust-mesh:policySuppressions"] = [{**SUPPRESSED, **changes}]
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")


def test_prod_is_clean_and_its_weakenings_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert policy.main(["--stack", "prod"]) == 0
    said = capsys.readouterr().out
    assert "nothing found, 8 weakenings named" in said
    assert "loadBalancer.allowedCidrs = 0.0.0.0/0: Everyone may connect; a WAF stands before it." in said
    assert "Nothing was compared with an earlier plan (MR901)" in said


def test_a_finding_ends_it_with_rule_resource_value_and_remedy(
    program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert policy.main(["--stack", "prod", "--directory", str(program)]) == 1
    said = capsys.readouterr().out
    assert "HIGH     MR707 In production one call deletes neither the cluster nor a load balancer." in said
    assert "- Cluster cluster\n           deletionProtection = false" in said
    assert "remedy: cluster.deletionProtection" in said
    assert "1 found, 1 of which stop it" in said


def test_a_suppressed_finding_ends_nothing_and_is_shown_with_its_reason(
    program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suppress(program)
    assert policy.main(["--stack", "prod", "--directory", str(program)]) == 0
    said = capsys.readouterr().out
    assert "Suppressed:\n  MR707 Cluster cluster: until 2027-03-31: It is taken down at the end of the month." in said
    assert "policySuppressions = MR707 Cluster cluster" in said, "and it stands among the weakenings"


def test_an_expired_suppression_is_a_finding_beside_what_it_let_stand(
    program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suppress(program, expires="2026-01-31")
    assert policy.main(["--stack", "prod", "--directory", str(program), "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert {one["rule"] for one in found["findings"] if one["stops"]} == {"MR001", "MR707"}
    assert found["suppressed"] == []


def test_a_plan_is_written_with_its_findings_and_ends_with_1(
    program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "plan"
    assert command.main(["--stack", "prod", "--directory", str(program), "--output", str(target)]) == 1
    assert "MR707" in capsys.readouterr().out
    summary = (target / "summary.md").read_text(encoding="utf-8")
    assert "| high | MR707 In production one call deletes neither the cluster nor a load balancer. |" in summary
    written = json.loads((target / "policy.json").read_text(encoding="utf-8"))
    assert [one["resource"] for one in written["findings"] if one["stops"]] == ["Cluster cluster"]


def test_a_network_that_would_be_made_anew_is_found_against_the_plan_of_what_stands(
    tmp_path: Path, program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = tmp_path / "base"
    assert command.main(["--stack", "prod", "--output", str(base)]) == 0
    change(program, "cluster", deletionProtection=True)
    change(program, "network", cidr="10.44.0.0/16")
    assert policy.main(["--stack", "prod", "--directory", str(program), "--base", str(base)]) == 1
    said = capsys.readouterr().out
    assert "- Vpc vpc\n           inputs.cidrBlock = made anew for cidrBlock: everything stands in it" in said


def test_wrong_usage_is_told_from_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert policy.main([]) == 2
    assert policy.main(["--stack", "prod", "--base", str(tmp_path)]) == 2
    assert "holds no plan" in capsys.readouterr().err
    assert policy.main(["--list"]) == 0
    assert "MR101  critical The seven traps" in capsys.readouterr().out


def test_the_cost_of_the_pack_is_told_for_each_stack(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_policy() == 0
    said = capsys.readouterr().out
    assert [line.split("|")[1].strip() for line in said.splitlines()[2:]] == ["dev", "lab", "prod"]

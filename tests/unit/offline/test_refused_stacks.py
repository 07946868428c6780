"""A refused stack registers nothing and ends badly, without a traceback, however it is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from configuration.settings import PROJECT
from offline.made_up import MadeUpOutputs
from offline.run import run_program
from tests import ROOT
from tests.unit.configuration.bad_settings import BAD, Stack, stack


def as_passed(tree: Stack) -> dict[str, str]:
    """The way the engine hands it over: structured values as JSON text."""
    config = {f"{PROJECT}:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in tree.items()}
    return {"aws:region": "eu-west-1", **config}


@pytest.mark.parametrize("name", BAD)
def test_the_program_registers_nothing_for_a_bad_setting(name: str) -> None:
    change, path, _, _ = BAD[name]
    tree = stack()
    change(tree)

    run = run_program(ROOT, stack="test", config=as_passed(tree), engine=MadeUpOutputs("eu-west-1"))

    assert run.error is not None
    assert run.error.kind == "settings"
    assert f"\n  {path} = " in run.error.message
    assert "nothing was created" in run.error.message
    assert run.registrations == ()


def test_the_command_line_shows_every_problem_and_no_traceback_and_fails(tmp_path: Path) -> None:
    tree = stack()
    for name in ("host bits in a CIDR", "a wildcard egress host", "an open API endpoint"):
        BAD[name][0](tree)
    (tmp_path / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    (tmp_path / "__main__.py").write_text((ROOT / "__main__.py").read_text())
    config = {"aws:region": "eu-west-1", **{f"{PROJECT}:{key}": value for key, value in tree.items()}}
    (tmp_path / "Pulumi.test.yaml").write_text(yaml.safe_dump({"config": config}))

    answer = subprocess.run(
        [sys.executable, "-m", "meshops", "plan", "--stack", "test", "--directory", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )

    assert answer.returncode != 0
    assert "Stack 'test': 3 settings refused; nothing was created." in answer.stderr
    for path in ("network.cidr", "cluster.publicAccessCidrs[0]", "namespaces[shop].applications[api].egress[0].host"):
        assert path in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not (tmp_path / "build" / "plan" / "test").exists(), "nothing half-written is left"

"""What is said of Kubernetes' own NetworkPolicy tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.commands import netpol_conformance
from lab.errors import LabError

_GINKGO = """#!/bin/sh
for argument; do case $argument in --ginkgo.json-report=*) report=${argument#*=};; esac; done
echo "$@" > "$0.arguments"
cat > "$report" <<END
[{"SpecReports": [
  {"LeafNodeType": "SynchronizedBeforeSuite", "LeafNodeText": "", "State": "passed"},
  {"LeafNodeType": "It", "LeafNodeText": "should deny", "State": "passed"},
  {"LeafNodeType": "It", "LeafNodeText": "should allow", "State": "failed"},
  {"LeafNodeType": "It", "LeafNodeText": "not chosen", "State": "skipped"}]}]
END
"""


def _program(directory: Path, text: str) -> Path:
    program = directory / "tests"
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)
    return program


def test_a_test_that_failed_is_named_and_one_that_was_not_chosen_not_counted(tmp_path: Path) -> None:
    program = _program(tmp_path, _GINKGO)
    report = netpol_conformance.run(program, tmp_path / "kubeconfig", short=True)
    assert netpol_conformance.failed(report) == ["should allow"]
    assert netpol_conformance.summary(report).startswith("1 of 2 of Kubernetes' own NetworkPolicy tests passed")
    assert "--ginkgo.focus=" in (tmp_path / "tests.arguments").read_text(encoding="utf-8")


def test_tests_that_say_nothing_did_not_pass(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="wrote no report"):
        netpol_conformance.run(_program(tmp_path, "#!/bin/sh\n"), tmp_path / "kubeconfig", short=False)

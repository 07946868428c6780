"""What holds for every check of verify, their page, and the command's own manners."""

from __future__ import annotations

import re

import pytest

from meshops.checks.exit_codes import exit_code
from meshops.checks.options import UsageError
from meshops.verify import command, registry
from meshops.verify.check import LAYERS
from meshops.verify.reference import reference
from meshops.verify.registry import CHECKS
from meshops.verify.run import VerifyOptions, verify
from tests import ROOT
from tests.unit.meshops.verify.world import settings

_LAYER_DIGIT: dict[str, str] = {layer: str(number) for number, layer in enumerate(LAYERS, start=1)}


def test_every_module_of_checks_is_in_the_registry() -> None:
    files = {path.stem for path in (ROOT / "meshops" / "verify" / "checks").glob("[!_]*.py")}
    assert {module.__name__.rpartition(".")[2] for module in registry.MODULES} == files


def test_every_check_has_an_id_of_its_own_layer_and_says_what_it_needs() -> None:
    for check in CHECKS:
        assert re.fullmatch(r"MV\d{3}", check.id), check.id
        assert check.id[2] == _LAYER_DIGIT[check.section], check.id
        assert check.needs, check.id
        assert not check.calls or "traffic" in check.needs, check.id


def test_the_page_about_the_checks_is_the_checks_own() -> None:
    page = (ROOT / "docs" / "verify.md").read_text(encoding="utf-8")
    assert reference() in page, "docs/verify.md is not up to date: make docs"


def test_a_namespace_that_the_stack_does_not_have_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no namespace nowhere: its settings list ledgers, shop"):
        verify(settings(), VerifyOptions(namespaces=("nowhere",)))


def test_without_a_cluster_everything_is_unknown_and_nothing_passes() -> None:
    report = verify(settings(), VerifyOptions(kubectl="nowhere-kubectl", only=("MV101", "MV303", "MV606")))
    assert [result.status for result in report.results] == ["unknown"] * 3
    assert "nowhere-kubectl is not on the PATH" in report.result("MV606").verdict.finding
    assert exit_code(report.results) == 3


def test_a_kubeconfig_that_is_not_there_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--stack", "dev", "--kubeconfig", "/nowhere/kubeconfig"]) == 2
    assert "There is no kubeconfig /nowhere/kubeconfig" in capsys.readouterr().err


def test_an_interrupted_run_says_what_becomes_of_its_pods(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "verify", interrupted)
    assert command.main(["--stack", "dev"]) == 130
    assert capsys.readouterr().err == "verify: interrupted; its probe pods are being removed\n"

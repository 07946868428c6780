"""Without a Pulumi CLI that is new enough, one line says how to get it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from meshops.pulumi_cli import CliError, find, main
from tests import ROOT


def cli(directory: Path, answer: str) -> Path:
    path = directory / "pulumi"
    path.write_text(f"#!/bin/sh\n{answer}\n")
    path.chmod(0o755)
    return path


def test_a_missing_cli_is_one_line_that_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main(["preview", "--stack", "dev"]) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "not on the PATH: get it as https://www.pulumi.com/docs/install/ says." in said.err


def test_the_labs_stack_never_reaches_an_account(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "--stack", "lab"]) == 2
    assert capsys.readouterr().err == (
        "Stack lab is not for an AWS account: it runs on this machine, with `make lab`.\n"
    )


def test_an_old_cli_is_refused_by_number_and_not_by_letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(cli(tmp_path, "echo v3.99.0").parent), prepend=":")

    with pytest.raises(CliError, match=r"is 3\.99\.0, and 3\.200\.0 or newer is needed"):
        find("3.200.0")


def test_a_new_cli_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cli(tmp_path, "echo v3.272.0")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    assert find("3.200.0") == str(path)


def test_a_cli_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(cli(tmp_path, "echo broken >&2; exit 1").parent), prepend=":")

    with pytest.raises(CliError, match=r"does not tell its version \('broken'\)"):
        find("3.200.0")


@pytest.fixture
def executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What this process would have become."""
    calls: list[list[str]] = []
    cli(tmp_path, "echo v3.272.0")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(os, "execv", lambda _path, arguments: calls.append(arguments))
    return calls


def test_a_destroy_of_a_protected_stack_would_stop_half_way_and_is_refused_before_it_begins(
    executed: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["destroy", "--stack", "prod"]) == 2
    assert executed == []
    said = capsys.readouterr().err
    assert "cluster.deletionProtection and loadBalancer.deletionProtection" in said
    assert "Set both to false, `make up STACK=prod`, then destroy (docs/runbooks/destroy.md)." in said


def test_a_destroy_of_an_unprotected_stack_is_the_clis(executed: list[list[str]]) -> None:
    main(["destroy", "--stack", "dev", "--yes"])
    assert [arguments[1:] for arguments in executed] == [["destroy", "--stack", "dev", "--yes"]]


@pytest.mark.parametrize("arguments", [["up", "--stack", "prod"], ["destroy", "--stack", "prod", "--target", "urn"]])
def test_what_takes_no_balancer_down_is_not_refused(executed: list[list[str]], arguments: list[str]) -> None:
    main(arguments)
    assert len(executed) == 1


@pytest.mark.parametrize(("command", "judged"), [("preview", True), ("up", True), ("destroy", False)])
def test_an_update_would_pass_the_policies_by(executed: list[list[str]], command: str, judged: bool) -> None:
    main([command, "--stack", "dev", "--diff"])

    pack = ["--policy-pack", str(ROOT / "policy")] if judged else []
    assert executed[0][1:] == [command, "--stack", "dev", *pack, "--diff"]

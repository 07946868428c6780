"""What every command that checks a stack does alike: its options, what it refuses, where the report goes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from meshops.checks.options import UsageError, chosen
from meshops.preflight import command as preflight
from meshops.preflight.run import CHECKS as PREFLIGHT
from meshops.stack_settings import PROGRAM
from meshops.verify import command as verify
from meshops.verify.registry import CHECKS as VERIFY
from tests import ROOT

Main = Callable[[list[str]], int]
MAINS = pytest.mark.parametrize("main", [preflight.main, verify.main], ids=["preflight", "verify"])
# Nothing is there: no cluster for verify, nobody on this port for preflight. Every check is unknown.
NOWHERE = {"--kubectl=nowhere-kubectl": verify.main, "--endpoint-url=http://127.0.0.1:9": preflight.main}
COMMANDS = pytest.mark.parametrize(("nowhere", "main"), NOWHERE.items(), ids=["verify", "preflight"])


def test_checks_are_chosen_by_id_and_an_unknown_one_is_refused_by_name() -> None:
    assert [check.id for check in chosen(VERIFY, ("MV605", "MV101"))] == ["MV101", "MV605"]
    assert chosen(VERIFY, ()) == VERIFY
    with pytest.raises(UsageError, match=r"There is no check MV999: there are MV101"):
        chosen(VERIFY, ("MV999",))


def test_the_program_is_the_one_that_the_command_is_part_of() -> None:
    assert PROGRAM == ROOT


@MAINS
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stack", "nowhere"], "Unknown stack 'nowhere': there are dev, lab, prod."),
        (["--stack", "dev", "--only", "MX000"], "There is no check MX000: there are "),
        (["--stack", "dev", "--output", "/nowhere/report"], "--output /nowhere/report cannot be written"),
        (["--stack", "dev", "--output", "/"], "--output / cannot be written"),
        ([], " needs --stack"),
    ],
)
def test_wrong_usage_exits_2_with_one_line(
    main: Main,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)  # the stacks are the program's own, from wherever it is called
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert message in said.err


@MAINS
@pytest.mark.parametrize("arguments", [["--format", "table"], ["--stack"], ["--nonsense"]])
def test_a_bad_argument_exits_2_too(main: Main, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


@MAINS
def test_refused_settings_exit_1_with_every_problem(
    main: Main, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Pulumi.bad.yaml").write_text("config:\n  aws:region: eu-west-1\n  zero-trust-mesh:rubbish: 1\n")
    assert main(["--stack", "bad", "--directory", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("Stack 'bad': ")
    assert "settings refused; nothing was created." in said.err
    assert "rubbish" in said.err


@COMMANDS
def test_what_cannot_be_asked_is_unknown_and_exits_3(
    nowhere: str, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--stack", "dev", nowhere, "--format", "json"]) == 3
    body = json.loads(capsys.readouterr().out)
    # dev's cluster and namespaces are its own: of those there is nothing to ask.
    own = [result for result in body["results"] if result["id"].startswith(("MP4", "MP7"))]
    assert {result["status"] for result in body["results"] if result not in own} == {"unknown"}
    assert (body["passed"], body["failed"], body["stack"], body["region"]) == (len(own), 0, "dev", "eu-west-1")


@COMMANDS
def test_the_keys_of_the_json_are_the_same_in_every_command(
    nowhere: str, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--stack", "dev", nowhere, "--format", "json"])
    body = json.loads(capsys.readouterr().out)
    assert list(body) == [
        "command", "stack", "cluster", "region", "run", "started", "seconds", "timings", "passed", "failed", "unknown",
        "listed", "notes", "results",
    ]  # fmt: skip
    assert list(body["results"][0]) == [
        "id", "section", "name", "shows", "how", "severity", "status", "finding", "evidence", "table", "remedy",
    ]  # fmt: skip


@COMMANDS
@pytest.mark.parametrize(
    ("format", "begins"),
    [("text", ("Verify of", "Preflight of")), ("json", "{\n"), ("junit", "<?xml")],
)
def test_the_report_is_written_where_asked_and_the_terminal_shows_the_summary(
    nowhere: str,
    main: Main,
    format: str,
    begins: str | tuple[str, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "report"
    only = "MV606" if main is verify.main else "MP101"
    assert main(["--stack", "dev", nowhere, "--only", only, "--format", format, "--output", str(output)]) == 3
    text = output.read_text(encoding="utf-8")
    assert text.startswith(begins)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    said = capsys.readouterr()
    assert (said.out, said.err) == (f"0 passed, 0 failed, 1 unknown: {output}\n", "")


@MAINS
def test_the_list_names_every_check(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    checks = VERIFY if main is verify.main else PREFLIGHT
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [check.id for check in checks]

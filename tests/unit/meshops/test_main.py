"""The table of commands: each is there, says how it is used, and brings only what it needs."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from meshops.__main__ import COMMANDS, Command, main
from tests import ROOT

EACH = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)


def test_the_commands_are_these() -> None:
    assert [command.name for command in COMMANDS] == [
        "plan",
        "policy",
        "review",
        "pulumi",
        "preflight",
        "adopt",
        "verify",
        "attack",
        "waves",
        "bench",
    ]


def test_help_lists_every_command_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    for asked in ("--help", "-h", "help"):
        assert main([asked]) == 0
        text = capsys.readouterr().out
        assert re.findall(r"^  (\w+) +(.+)$", text, re.MULTILINE) == [(each.name, each.says) for each in COMMANDS]
        assert (
            "exit codes: 0 done, all passed; 1 something failed; 2 wrong usage; "
            "3 nothing failed, but something is unknown\n"
        ) in text


def test_without_a_command_the_usage_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("usage: python -m meshops <command>")


def test_an_unknown_command_names_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verfy"]) == 2
    assert capsys.readouterr().err.endswith(
        "unknown command 'verfy': there are "
        "plan, policy, review, pulumi, preflight, adopt, verify, attack, waves, bench\n"
    )


@EACH
def test_each_command_has_help(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.run(["--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: python -m meshops {command.name} ")


# All but pulumi: the CLI knows its own stacks; and review: a stack may be in one of two revisions only.
@pytest.mark.parametrize(
    "command", [each for each in COMMANDS if each.name not in ("pulumi", "review")], ids=lambda command: command.name
)
def test_each_command_refuses_an_unknown_stack(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    first = ["next"] if command.name == "waves" else []
    assert command.run([*first, "--stack", "nowhere"]) == 2
    assert capsys.readouterr().err.startswith("Unknown stack 'nowhere': there are dev, lab, prod.")


_LOADED = """
import sys
from meshops.__main__ import main
try:
    code = main(sys.argv[1:])
except SystemExit as ended:
    code = ended.code
loaded = sorted({name.partition(".")[0] for name in sys.modules} & {"pulumi", "grpc", "boto3", "moto"})
loaded += ["google.protobuf"] if "google.protobuf" in sys.modules else []
print(code, *loaded, sep=",")
"""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--help",), "0"),
        (("preflight", "--help"), "0,boto3"),
        (("verify", "--help"), "0,boto3"),
        (("preflight", "--stack=dev", "--endpoint-url=http://127.0.0.1:9"), "3,boto3"),
        (("verify", "--stack=dev", "--kubectl=nowhere-kubectl"), "3,boto3"),
        (("waves", "next", "--stack=dev"), "0,boto3"),
        (("waves", "check", "--stack=dev", "--kubectl=nowhere-kubectl"), "3,boto3"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_neither_preflight_nor_verify_nor_waves_imports_pulumi(arguments: tuple[str, ...], expected: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", _LOADED, *arguments], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert finished.stdout.splitlines()[-1] == expected

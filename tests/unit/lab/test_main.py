"""The table of commands."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lab.__main__ import COMMANDS, main


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_leads_to_a_function(name: str) -> None:
    assert callable(COMMANDS[name].function())


def test_what_is_not_asked_for_is_not_imported() -> None:
    script = "import sys, lab.__main__ as m; m.COMMANDS['logs'].function(); m.COMMANDS['status'].function();"
    script += " sys.exit('pulumi' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_only_verify_attack_and_waves_take_what_they_do_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["down", "--only", "MV303"])

    assert refused.value.code == 2
    assert "unrecognized arguments: --only MV303" in capsys.readouterr().err
    assert [name for name, command in COMMANDS.items() if command.passes_on] == ["verify", "attack", "waves"]

"""What the Makefile gives to each command."""

from __future__ import annotations

import os
import subprocess

from tests import ROOT


def test_commands_find_compiled_modules_and_leave_them_where_an_image_forbids_it() -> None:
    command = ["make", "--eval", "variables: ; @env", "variables"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert not [line for line in done.stdout.splitlines() if line.startswith("PYTHONDONTWRITEBYTECODE")]

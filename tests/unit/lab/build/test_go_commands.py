"""A build that is interrupted leaves no compiler behind."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from tests import ROOT

PROGRAM = """
import sys, threading, time
from pathlib import Path
from lab.build.go_commands import GoRunner
from lab.build.go_compiler import Go
from lab.progress import Silent

here = Path(sys.argv[1])
runner = GoRunner(go=Go(command=here / "go", version=(1, 26, 0)), source=here, scratch=here, flags=())
threading.Thread(target=lambda: runner.build(("./x",), here, Silent(), 1), daemon=True).start()
while not (here / "compiling").exists():
    time.sleep(0.02)
sys.exit(130)
"""


def test_the_compilers_end_with_the_program_that_started_them(tmp_path: Path) -> None:
    go = tmp_path / "go"
    # As go does: a process of its own for each compiler.
    go.write_text(f"#!/bin/sh\nsh -c 'echo $$ > {tmp_path}/pid; touch {tmp_path}/compiling; sleep 60' &\nwait\n")
    go.chmod(0o755)

    ended = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], cwd=ROOT, check=False, timeout=30)

    assert ended.returncode == 130
    compiler = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 5
    while runs(compiler) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not runs(compiler), "it goes on compiling"


def runs(pid: int) -> bool:
    """Whether there is such a process, and not only its remains."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return "State:\tZ" not in status

"""`meshops waves` on the running lab: all it gets is a kubeconfig and kubectl."""

from __future__ import annotations

import argparse

from lab.errors import LabError
from lab.lifecycle.running import running
from lab.paths import STACK
from meshops.waves import command


def run(options: argparse.Namespace) -> int:
    """The command itself, with the arguments that lead it to the lab behind its own. Raises LabError without a lab."""
    if not options.rest:
        raise LabError("waves needs a command: status, next, check, shadow or rollback")
    name, *rest = options.rest
    plane = running()
    cluster = [f"--kubeconfig={plane.kubeconfig}", f"--kubectl={plane.toolchain.bin('kubectl')}"]
    return command.main([name, f"--stack={STACK}", *(cluster if name != "next" else ()), *rest])

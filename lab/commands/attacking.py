"""`meshops attack` on the running lab: all it gets is a kubeconfig and kubectl, and leave to write."""

from __future__ import annotations

import argparse

from lab.lifecycle.running import running
from lab.load_balancer import report as balancers
from lab.paths import STACK
from meshops.attack import command


def run(options: argparse.Namespace) -> int:
    """The command itself, with its own arguments after those that lead it to the lab. Raises LabError without a lab."""
    plane = running()
    lab = [f"--stack={STACK}", f"--kubeconfig={plane.kubeconfig}", f"--kubectl={plane.toolchain.bin('kubectl')}"]
    if pairs := balancers.addresses(plane.state.root).items():
        lab += ["--resolve", *(f"{name}={address}" for name, address in pairs)]
    # The lab is nobody's: what an attempt changes goes with it.
    return command.main([*lab, "--writes", *options.rest])

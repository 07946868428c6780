"""Runs an example's script on the running lab, with the lab's kubeconfig and tools."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from lab.errors import LabError
from lab.images import quarkus_app, web_servers
from lab.lifecycle.running import running
from lab.load_balancer import report as balancers
from lab.paths import PROGRAM
from lab.progress import Progress, TerminalProgress

HOSTS_VARIABLE = "LOAD_BALANCER_HOSTS"
"""Names for examples/cluster.py the file that says where load balancers are: on AWS this is DNS."""
# What an example needs and `make lab` does not.
_PREPARED = {
    "encryption-in-transit": web_servers.prepare,
    "quarkus-app": quarkus_app.ensure,
    "tls-passthrough": web_servers.prepare,
}


def command(options: argparse.Namespace) -> int:
    """As `run`, with progress on the terminal."""
    return run(options.name, TerminalProgress())


def names() -> tuple[str, ...]:
    """The examples of this checkout, sorted."""
    return tuple(sorted(path.parent.name for path in (PROGRAM / "examples").glob("*/run.py")))


def run(name: str, progress: Progress) -> int:
    """The example's exit code: 0 only if every expectation held. Raises LabError if there is none, or no lab."""
    if name not in names():
        raise LabError(f"there is no example {name!r}: there are {', '.join(names())}")
    plane = running()
    if prepare := _PREPARED.get(name):
        prepare(progress)
    tools = str(plane.toolchain.bin("istioctl").parent)
    environment = {
        **os.environ,
        **plane.environment,
        HOSTS_VARIABLE: str(balancers.hosts(plane.state.root)),
        "PATH": os.pathsep.join((tools, os.environ.get("PATH", os.defpath))),
    }
    process = subprocess.Popen([sys.executable, "-m", "examples", name], cwd=PROGRAM, env=environment)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # It was interrupted as well, being at the same terminal, or is told here; it tidies up before it ends.
            process.terminate()

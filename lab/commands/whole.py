"""The commands about the lab as a whole: take it down, tell how it is, name its kubeconfig, build its programs."""

from __future__ import annotations

import argparse

from lab.build import build
from lab.build import vet as go_vet
from lab.lifecycle import processes, running, up
from lab.progress import TerminalProgress


def down(options: argparse.Namespace) -> int:
    """Stops and removes the lab."""
    print("the lab is stopped and removed" if up.down() else "no lab is running here")
    return 0


def status(options: argparse.Namespace) -> int:
    """Prints how each process is; 0 only if all of them run."""
    rows = processes.status()
    for row in rows:
        print(f"{row.name:26}{row.state:10}{row.detail}")
    # Pods come and go; everything else must be there.
    return 0 if all(row.state == "running" for row in rows if row.name != processes.PODS) else 1


def kubeconfig(options: argparse.Namespace) -> int:
    """Prints the kubeconfig's path and nothing else."""
    print(running.kubeconfig_path())
    return 0


def toolchain(options: argparse.Namespace) -> int:
    """Builds the lab's programs, if they are not in the cache, and starts nothing."""
    build.ensure(TerminalProgress())
    return 0


def vet(options: argparse.Namespace) -> int:
    """gofmt and go vet over the lab's own Go; fails with what they found."""
    go_vet.ensure(TerminalProgress())
    return 0

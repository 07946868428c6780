"""Kubernetes' own NetworkPolicy tests, and agnhost, the program that they run in their pods: built when asked for."""

from __future__ import annotations

import shutil
from pathlib import Path

from lab import paths
from lab.build import go_compiler, go_module
from lab.build.go_commands import GoRunner
from lab.images.image import Image
from lab.progress import Progress

_SOURCE = go_module.SOURCE / "network_policies"
_PACKAGES = (".", "k8s.io/kubernetes/test/images/agnhost")
_TESTS = "network-policies"
# What `go build -v` will name, near enough for a progress display.
_EXPECTED_PACKAGES, _EXPECTED_MODULES = 1400, 150


def tests() -> Path:
    """Where the tests' program is, or will be once `ensure` has run."""
    return _directory() / _TESTS


def ensure(progress: Progress) -> Path:
    """The tests' program; builds both if need be, which takes minutes. Raises LabError."""
    if tests().is_file():
        return tests()
    directory, unfinished = _directory(), _directory().with_suffix(".unfinished")
    directory.parent.mkdir(parents=True, exist_ok=True)
    with go_module.only_one(directory.parent / "lock", progress):
        if tests().is_file():
            return tests()
        scratch = directory.parent / "scratch"
        go = go_compiler.find(_SOURCE / "go.mod", paths.cache_directory(), progress)
        progress.line("building Kubernetes' NetworkPolicy tests (once; minutes, mostly compiling)")
        for empty in (unfinished, scratch):
            empty.mkdir(exist_ok=True)
        runner = GoRunner(go=go, source=_SOURCE, scratch=scratch, flags=go_module.BUILD_FLAGS)
        runner.download_while_compiling_the_standard_library(progress, _EXPECTED_MODULES)
        runner.build(_PACKAGES, unfinished, progress, _EXPECTED_PACKAGES)
        shutil.rmtree(scratch, ignore_errors=True)
        unfinished.rename(directory)
    return tests()


def row() -> Image:
    """The image; before `ensure` has run once its containers do not start."""
    program = "/agnhost"
    return Image(
        pattern="*/e2e-test-images/agnhost:*",
        entrypoint=(program,),
        command=("pause",),
        files={program: str(_directory() / "agnhost")},
        user=0,
    )


def _directory() -> Path:
    return paths.cache_directory().parent / "network-policies" / go_module.digest(source=_SOURCE)

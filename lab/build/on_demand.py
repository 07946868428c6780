"""Programs that few labs need: each lot a Go module of its own below toolchain/, built when it is asked for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab import paths
from lab.build import go_compiler, go_module
from lab.build.go_commands import GoRunner
from lab.progress import Progress


@dataclass(frozen=True, kw_only=True)
class OnDemand:
    """One such lot. name: of its directory in the cache; what: it is, for people.

    expected_packages, expected_modules: near enough for a progress display
    collect: copies what else is needed of the modules into the directory of the programs
    """

    name: str
    what: str
    source: Path
    packages: tuple[str, ...]
    expected_packages: int
    expected_modules: int
    collect: Callable[[GoRunner, Path], None] = lambda runner, into: None

    @property
    def directory(self) -> Path:
        """Where its programs are, or will be once `ensure` has run."""
        return paths.cache_directory().parent / self.name / go_module.digest(source=self.source)

    def ensure(self, progress: Progress) -> Path:
        """That directory; builds what is in it if need be, which takes minutes. Raises LabError."""
        directory, unfinished = self.directory, self.directory.with_suffix(".unfinished")
        if directory.is_dir():
            return directory
        directory.parent.mkdir(parents=True, exist_ok=True)
        with go_module.only_one(directory.parent / "lock", progress):
            if directory.is_dir():
                return directory
            scratch = directory.parent / "scratch"
            go = go_compiler.find(self.source / "go.mod", paths.cache_directory(), progress)
            progress.line(f"building {self.what} (once; minutes, mostly compiling)")
            shutil.rmtree(unfinished, ignore_errors=True)
            for empty in (unfinished, scratch):
                empty.mkdir(exist_ok=True)
            runner = GoRunner(go=go, source=self.source, scratch=scratch, flags=go_module.BUILD_FLAGS)
            runner.download_while_compiling_the_standard_library(progress, self.expected_modules)
            runner.build(self.packages, unfinished, progress, self.expected_packages)
            self.collect(runner, unfinished)
            shutil.rmtree(scratch, ignore_errors=True)
            unfinished.rename(directory)
        return directory

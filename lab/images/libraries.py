"""What programs of this machine need of its C library and others, as the dynamic loader finds it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from lab.errors import LabError

_ELF = b"\x7fELF"
_FOUND = re.compile(r"^\s*(?:\S+ => )?(/\S+) \(0x", re.MULTILINE)


def program(name: str) -> str:
    """Where a program of this machine is. Raises LabError if it is not there."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin")
    if found is None:
        raise LabError(f"an image of the lab needs the program {name}, and this machine has none: install it")
    return found


def needed(sources: Iterable[str]) -> dict[str, str]:
    """Path -> path of every shared library, and of the loader, that the programs and libraries in `sources` need."""
    programs = [str(path) for source in sources for path in _programs(Path(source))]
    found: dict[str, str] = {}
    for some in (programs[start : start + 100] for start in range(0, len(programs), 100)):
        # A statically linked one is none of its business; it says so, and goes on with the next.
        answer = subprocess.run(["ldd", *some], capture_output=True, text=True, check=False, timeout=120)
        found.update((path, path) for path in _FOUND.findall(answer.stdout))
    return {
        path: source for path, source in found.items() if not any(path.startswith(own) for own in map(str, sources))
    }


def _programs(source: Path) -> Iterable[Path]:
    real = source.resolve()
    paths = [real] if real.is_file() else [path for path in real.rglob("*") if path.is_file() and not path.is_symlink()]
    for path in paths:
        if os.access(path, os.X_OK) or ".so" in path.name:
            with path.open("rb") as content:
                if content.read(4) == _ELF:
                    yield path

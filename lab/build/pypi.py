"""Programs that Python packages carry: each in a virtual environment of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

from lab.errors import LabError


def install(requirement: str, directory: Path, *, otherwise: str) -> None:
    """Makes `directory` an environment with this package, or nothing at all.

    Raises LabError: `otherwise`, which says what is missing, and why the package could not be had.
    """
    try:
        venv.create(directory, with_pip=True, clear=True)
        subprocess.run(
            [directory / "bin" / "python", "-m", "pip", "install", "--quiet", requirement],
            check=True,
            capture_output=True,
            text=True,
        )
    except (subprocess.CalledProcessError, OSError) as problem:
        shutil.rmtree(directory, ignore_errors=True)
        detail = str(getattr(problem, "stderr", None) or problem).strip()
        last = detail.splitlines()[-1] if detail else f"exit of {sys.executable}"
        raise LabError(f"{otherwise} and {requirement} could not be installed from PyPI: {last}") from problem

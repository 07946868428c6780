"""The house stays one that can be walked through: no room is crowded, none hides from the contracts on imports.

Which way the imports point, and that there is no circle, `lint-imports` holds in `make check`: see pyproject.toml.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from tests import ROOT

ROOMS = (
    "bootstrap",
    "changes",
    "components",
    "configuration",
    "lab",
    "manifests",
    "meshops",
    "offline",
    "policy",
    "validation",
)
AT_MOST = 18


def _folders() -> dict[str, int]:
    """Folder -> how many modules lie in it side by side."""
    found: dict[str, int] = {}
    for room in ROOMS:
        for module in (ROOT / room).rglob("*.py"):
            if module.name != "__init__.py":
                folder = str(module.parent.relative_to(ROOT))
                found[folder] = found.get(folder, 0) + 1
    return found


def test_no_room_holds_more_modules_than_one_looks_through() -> None:
    # One pure function a file, each named after its document: the list is its own table of contents.
    crowded = {folder: count for folder, count in _folders().items() if count > AT_MOST and folder != "manifests"}
    assert not crowded


def test_every_folder_of_modules_is_a_package_that_the_contracts_see() -> None:
    # grimp, which reads the imports, passes over a folder without `__init__.py`.
    assert [folder for folder in _folders() if not (ROOT / folder / "__init__.py").is_file()] == []


def test_the_contracts_are_about_every_room() -> None:
    contracts = tomllib.loads(Path(ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    here = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert set(contracts["root_packages"]) == here

"""Golden files: rendered documents as a reviewer reads them, compared whole.

After a change that is meant: `UPDATE_GOLDEN=1 python -m pytest tests/unit`, then read the diff.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

GOLDEN = Path(__file__).with_name("golden")


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def assert_golden(name: str, documents: Iterable[Any]) -> None:
    """Compares the documents with `golden/<name>.yaml`, key order included."""
    rendered = yaml.dump_all(documents, Dumper=_Plain, sort_keys=False, width=120, explicit_start=True)
    path = GOLDEN / f"{name}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rendered)
    assert path.exists(), f"there is no {path.name}: run with UPDATE_GOLDEN=1 and read what it writes"
    assert rendered == path.read_text(), f"{path.name} differs: if it is meant, run with UPDATE_GOLDEN=1"

"""Writing files: whole or not at all, and closed to others."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def replace(path: Path, document: Any) -> bool:
    """Makes a file say this, as JSON, by moving a new one in its place; False if it says it already."""
    text = json.dumps(document, indent=1)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    unfinished = path.with_suffix(".unfinished")
    write_closed(unfinished, text.encode())
    unfinished.replace(path)
    return True


def write_closed(path: Path, content: bytes) -> None:
    """Writes a file that only its owner may read, from its first byte on."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)

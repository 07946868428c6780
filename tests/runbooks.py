"""The commands of the pages under docs/runbooks, for the tests that follow them."""

from __future__ import annotations

import re
from pathlib import Path


def blocks(page: Path, heading: str) -> list[str]:
    """The blocks of commands of the page's part whose heading begins so."""
    text = page.read_text(encoding="utf-8")
    (found,) = re.findall(rf"^## {re.escape(heading)}.*?$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"^```console$(.*?)^```$", found, re.MULTILINE | re.DOTALL)

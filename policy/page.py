"""Pages of docs/ whose head is written by hand and whose rest is generated: below a line that says so."""

from __future__ import annotations

from pathlib import Path


def written(page: str, begin: str, generated: str) -> str:
    """The page with its generated part made anew. Raises ValueError where it has no line `begin`."""
    head, found, _ = page.partition(begin)
    if not found:
        raise ValueError(f"the page has no line {begin!r}")
    return f"{head}{begin}\n\n{generated}"


def rewrite(path: Path, begin: str, generated: str) -> None:
    """The same to the file."""
    path.write_text(written(path.read_text(encoding="utf-8"), begin, generated), encoding="utf-8")

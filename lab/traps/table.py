"""The measured tables as Markdown, and their places in docs/traps.md."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

BEGIN = "<!-- measured: {name} (python -m lab traps --write) -->"
END = "<!-- end of what was measured -->"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, without a newline at its end."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def matrix(corner: str, table: Mapping[str, Mapping[str, str]]) -> str:
    """Row title -> column title -> cell, as Markdown; every row has the same columns."""
    columns = list(next(iter(table.values())))
    return markdown([corner, *columns], [[title, *(row[column] for column in columns)] for title, row in table.items()])


def written(text: str, name: str) -> str:
    """The table that stands in a document under this name. Raises KeyError if it has no place there."""
    found = _place(name).search(text)
    if found is None:
        raise KeyError(name)
    return found["table"].strip()


def replaced(text: str, name: str, table: str) -> str:
    """The document with another table under this name."""
    written(text, name)
    return _place(name).sub(lambda found: f"{found['begin']}\n{table}\n{found['end']}", text)


def _place(name: str) -> re.Pattern[str]:
    begin, end = re.escape(BEGIN.format(name=name)), re.escape(END)
    return re.compile(rf"(?P<begin>{begin})\n(?P<table>.*?)\n?(?P<end>{end})", re.DOTALL)

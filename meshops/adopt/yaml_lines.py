"""Entries as YAML with their comments: in the form in which a stack's file has its namespaces."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from meshops.adopt.entry import Entry

_WIDTH = 118


def namespaces_yaml(entries: Iterable[Entry], *, indent: int = 4) -> str:
    """Items of the list `zero-trust-mesh:namespaces`."""
    return "".join(f"{line}\n" for entry in entries for line in _item(entry, indent))


def _item(entry: Entry, indent: int) -> Iterator[str]:
    """A mapping as an item of a list."""
    if entry.head:
        yield from _comment(entry.head, indent)
    lines = list(_mapping(entry, indent + 2))
    first = next(number for number, line in enumerate(lines) if not line.lstrip().startswith("#"))
    yield from (line[2:] for line in lines[:first])
    yield f"{' ' * indent}- {lines[first].lstrip()}"
    yield from lines[first + 1 :]


def _mapping(entry: Entry, indent: int) -> Iterator[str]:
    margin = " " * indent
    for key, value in entry.items():
        why = entry.why.get(key, "")
        if isinstance(value, list) and value and isinstance(value[0], Entry):
            if why:
                yield from _comment(why, indent)
            yield f"{margin}{key}:"
            for item in value:
                yield from _item(item, indent + 2)
            continue
        line = f"{margin}{key}: {_flow(value)}"
        if why and len(line) + len(why) + 4 <= _WIDTH:
            yield f"{line}  # {why}"
        else:
            if why:
                yield from _comment(why, indent)
            yield line
    # What was never seen stands where it would be.
    for key, why in entry.why.items():
        if key not in entry:
            yield from _comment(why, indent)


def _flow(value: Any) -> str:
    return (
        yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True).removesuffix("\n...\n").strip()
    )


def _comment(text: str, indent: int) -> Iterator[str]:
    margin = " " * indent
    yield from textwrap.wrap(
        text, _WIDTH, initial_indent=f"{margin}# ", subsequent_indent=f"{margin}# ", break_long_words=False
    )

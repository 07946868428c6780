"""Paths that were seen, as settings can say them: each exactly, and a template only where there is evidence of ids."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from configuration.kinds.paths import LITERAL

LEAST_IDS = 3
"""So many different ids at one place of a path make a template; fewer are written one by one."""

_ID = re.compile(
    r"\d+"
    r"|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"  # UUID
    r"|(?=[0-9a-f]*\d)[0-9a-f]{12,64}"  # a digest, an ObjectId
    r"|[0-7][0-9A-HJKMNP-TV-Z]{25}",  # ULID
    re.ASCII,
)


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """A path for the settings, and the paths that it stands for: one, or for a template those that were seen."""

    text: str
    seen: tuple[str, ...]

    @property
    def because(self) -> str:
        """Why it is more than what was seen; empty if it is not."""
        if self.seen == (self.text,):
            return ""
        shown = ", ".join(self.seen[:2])
        return f"{len(self.seen)} seen, such as {shown}"


def patterns(paths: Iterable[str]) -> tuple[Pattern, ...]:
    """Each path is in exactly one pattern; sorted.

    A segment becomes `{*}` (any one segment) where at least LEAST_IDS ids were seen at its place beside the same
    neighbours, or where it holds what the settings take in no path: encoded characters arrive in several forms.
    """
    shapes: defaultdict[str, set[str]] = defaultdict(set)
    for path in set(paths):
        shapes["/".join("{*}" if _is_id(part) else part for part in path.split("/"))].add(path)
    found = (pattern for seen in shapes.values() for pattern in _of_one_shape(seen))
    return tuple(sorted(found, key=lambda pattern: pattern.text))


def _of_one_shape(seen: set[str]) -> Iterator[Pattern]:
    """Of paths that differ in ids only: a place with few of them is written out, and the rest looked at again."""
    columns = list(zip(*(path.split("/") for path in seen), strict=True))
    for place, values in enumerate(columns):
        different = set(values)
        if 1 < len(different) < LEAST_IDS and all(LITERAL.fullmatch(value) for value in different):
            for value in different:
                yield from _of_one_shape({path for path in seen if path.split("/")[place] == value})
            return
    text = "/".join(
        "{*}" if len(set(values)) > 1 or not LITERAL.fullmatch(values[0]) else values[0] for values in columns
    )
    yield Pattern(text=text, seen=tuple(sorted(seen)))


def _is_id(segment: str) -> bool:
    return bool(_ID.fullmatch(segment)) or not LITERAL.fullmatch(segment)

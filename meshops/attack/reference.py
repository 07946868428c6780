"""The part of docs/security.md that is made from the attempts: `python -m meshops.attack.reference FILE`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from meshops.attack.known import CONDITIONS, KNOWN
from meshops.attack.model import FAMILIES, POSITIONS, WALLS, Attempt
from meshops.attack.registry import ATTEMPTS, LEGITIMATE
from policy.page import rewrite

BEGIN = "<!-- from here on made from the attempts: make docs -->"


def reference() -> str:
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield from ("## What succeeds all the same", "")
    conditions = "; ".join(f"{name}: {words}" for name, words in CONDITIONS.items())
    yield f"Each is `LIST` in a report where its condition holds, and a failure anywhere else ({conditions})."
    yield ""
    yield from _table(
        ("attempt", "what", "where", "the wall in front of it", "why"),
        ((item.id, _named(item.id), item.condition, item.wall, item.why) for item in KNOWN),
    )
    yield from ("## Positions", "")
    yield from _table(
        ("position", "who", "attempts"), ((name, who, _count("position", name)) for name, who in POSITIONS.items())
    )
    yield from ("## Walls", "")
    yield from _table(
        ("wall", "what it is", "attempts"), ((name, what, _count("wall", name)) for name, what in WALLS.items())
    )
    yield from ("## Attempts", "")
    yield f"{len(ATTEMPTS)} attempts, and {len(LEGITIMATE)} legitimate requests beside them. `w`: only with `--writes`."
    yield ""
    for family in FAMILIES:
        yield from (f"### {family}", "")
        yield from _table(
            ("id", "from", "what it tries", "what must happen", "wall"),
            (
                (_marked(item), item.position, f"**{item.name}.** {item.how}", item.shows, item.wall)
                for item in ATTEMPTS
                if item.section == family
            ),
        )
    yield from ("### Legitimate requests", "")
    yield from _table(("id", "what must pass"), ((item.id, item.how) for item in LEGITIMATE))


def _marked(attempt: Attempt) -> str:
    return attempt.id if attempt.reads_only else f"{attempt.id} w"


def _named(id: str) -> str:
    return next(item.name for item in ATTEMPTS if item.id == id)


def _count(field: str, value: str) -> str:
    return str(sum(getattr(item, field) == value for item in ATTEMPTS))


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield _row(header)
    yield _row(("---",) * len(header))
    for row in rows:
        yield _row(row)
    yield ""


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    """What Markdown and HTML would read in it is only text here."""
    for character in ("\\", "|", "<", "*", "_", "{", "`"):
        if character == "*" and text.startswith("**"):
            continue
        text = text.replace(character, f"\\{character}")
    return text


if __name__ == "__main__":
    rewrite(Path(sys.argv[1]), BEGIN, reference())

"""Text of strangers in GitHub's Markdown: everything that a plan says is shown as code, and stays code.

A code span is literal: no link, picture, HTML, mention, closing keyword or emoji begins in one
(https://github.github.com/gfm/#code-spans; mentions in code notify nobody, https://github.com/gjtorikian/html-pipeline,
lib/html/pipeline/@mention_filter.rb). Tables end a cell at a bar even inside of one, so no such text ever stands in a
table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST = 160
"""Characters of a value; the rest of it stands in the whole review."""


def code(text: object, *, limit: int = LONGEST) -> str:
    """A code span that shows the text and that the text cannot leave; one line, cut behind `limit` characters."""
    shown = printable(str(text))
    if len(shown) > limit:
        shown = f"{shown[: limit - 1]}…"
    if not shown.strip():
        return "(empty)"
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    if not longest:
        return f"`{shown}`"
    fence = "`" * (longest + 1)
    return f"{fence} {shown} {fence}"


def block(text: str, *, limit: int = 6000) -> str:
    """A code block of several lines that its text cannot close; each line indented, so that no bot takes one for a
    command."""
    lines = [f" {printable(line)}" for line in text.splitlines()]
    shown = re.sub("`{9,}", "````````…", "\n".join(lines))
    if len(shown) > limit:
        shown = f"{shown[:limit]}\n … {len(shown) - limit} characters more."
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{shown}\n{fence}"


def printable(text: str) -> str:
    """On one line, without what hides or reverses characters; no run of backticks that would need a fence as long."""
    line = re.sub(r"\r\n|[\r\n\u2028\u2029]", "⏎", text).replace("\t", " ")
    return re.sub("`{9,}", "````````…", "".join(c if c.isprintable() else "\ufffd" for c in line))


def both(old: str, new: str, *, limit: int = LONGEST) -> tuple[str, str]:
    """Two values cut around where they begin to differ, so that a change at the end of long ones is seen."""
    if max(len(old), len(new)) <= limit:
        return old, new
    first = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    start = max(0, first - limit // 4)
    return _window(old, start, limit), _window(new, start, limit)


def listed(texts: Iterable[str], *, most: int = 8) -> str:
    """`a`, `b` and 3 more: names as code."""
    names = list(texts)
    shown = ", ".join(code(name) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def _window(text: str, start: int, limit: int) -> str:
    cut = text[start : start + limit - 2]
    head = "…" if start else ""
    return f"{head}{cut}…" if start + limit - 2 < len(text) else f"{head}{cut}"

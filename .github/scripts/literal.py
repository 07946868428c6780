"""A stranger's text, or a program's, shown as it is."""

from __future__ import annotations

import re


def literal(text: str, limit: int) -> str:
    """A Markdown code block that shows a stranger's text as it is, and that the text cannot leave.

    Whatever does not print is replaced, the characters that reverse or hide others among it. The fence is longer than
    any run of backticks inside. Each line is indented by a blank, so that a bot that looks for `/command` at the
    beginning of a line finds none.
    """
    lines = ("".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in line) for line in text.splitlines())
    # No fence of thousands: runs that no Markdown has are shortened.
    shown = re.sub("`{9,}", "````````…", "\n".join(f" {line}" for line in lines))
    if len(shown) > limit:
        shown = f"{shown[:limit]}\n … cut here: the whole is in the run."
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{shown}\n{fence}"

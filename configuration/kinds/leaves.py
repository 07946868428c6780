"""What may stand in a stack file at all, whatever its setting: text, numbers, true and false, lists and mappings."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import SecretStr

from configuration.problems import Problem, path_of, show

DEEPEST = 30
"""Levels. The settings need ten; each engine and library on the way has a limit of its own, and ends worse."""

_NEVER_SENT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def unreadable(tree: Mapping[str, Any]) -> Iterator[Problem]:
    """Every value that no setting can have, so that no library on the way meets it. Needs no stack of its own."""
    waiting: list[tuple[tuple[int | str, ...], Any]] = [((name,), value) for name, value in tree.items()]
    while waiting:
        location, value = waiting.pop()
        if len(location) > DEEPEST:
            yield _problem(location[:3], tree, "(nested further)", f"It is nested more than {DEEPEST} levels deep.")
            return
        if isinstance(value, Mapping):
            for key in value:
                if not isinstance(key, str) or _NEVER_SENT.search(key):
                    yield _problem(location, tree, show(key), "The key of a mapping is text that can be printed.")
                else:
                    waiting.append(((*location, key), value[key]))
        elif isinstance(value, list | tuple):
            waiting += [((*location, index), item) for index, item in enumerate(value)]
        elif isinstance(value, str):
            if _NEVER_SENT.search(value):
                rule = "It holds a character that is none, or that no terminal and no API takes (control characters)."
                yield _problem(location, tree, show(value), rule)
        elif isinstance(value, float) and not math.isfinite(value):
            yield _problem(location, tree, show(value), "It is not a number that can be counted with.")
        elif value is not None and not isinstance(value, bool | int | float | SecretStr):
            kind = type(value).__name__
            yield _problem(location, tree, f"({kind})", f"A stack file holds no value of the kind {kind}.")


def _problem(location: tuple[int | str, ...], tree: Mapping[str, Any], value: str, rule: str) -> Problem:
    remedy = "Write text, a number, true or false, a list or a mapping, as docs/settings.md says."
    return Problem(path=path_of(location, tree), value=value, rule=rule, remedy=remedy)

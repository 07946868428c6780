"""The audit line that each sidecar writes: finding one by what it says, and showing the part that matters."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from examples.steps import Answer, Expectation


def audit_lines(text: str) -> list[dict[str, Any]]:
    """The lines of a proxy's log that are audit lines; the proxy's own messages are left out."""
    found = []
    for line in text.splitlines():
        try:
            read = json.loads(line)
        except ValueError:
            continue
        if isinstance(read, dict) and "response_flags" in read:
            found.append(read)
    return found


def logged(**fields: object) -> Expectation:
    """There is an audit line with these fields. A value that is text need only occur in the field's."""
    text = ", ".join(f"{name} {value}" for name, value in fields.items())
    return Expectation(text=f"an audit line with {text}", holds=lambda answer: _newest(answer, fields) is not None)


def line_of(*names: str, **fields: object) -> Callable[[Answer], str]:
    """For `shown`: of the newest audit line with these fields, the fields of these names."""

    def shown(answer: Answer) -> str:
        line = _newest(answer, fields)
        if line is None:
            return answer.text
        return "\n".join(f"{name}: {line.get(name)}" for name in (*fields, *names))

    return shown


def _newest(answer: Answer, fields: Mapping[str, object]) -> dict[str, Any] | None:
    matching = (line for line in reversed(audit_lines(answer.output)) if _has(line, fields))
    return next(matching, None)


def _has(line: Mapping[str, Any], fields: Mapping[str, object]) -> bool:
    for name, wanted in fields.items():
        value = line.get(name)
        if isinstance(wanted, str) and isinstance(value, str):
            if wanted not in value:
                return False
        elif value != wanted:
            return False
    return True

"""How a setting is refused: path, value, rule and remedy; every problem of a stack at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr
from pydantic_core import ErrorDetails, PydanticCustomError

_REJECTED = "setting_rejected"

# Beginnings of the kinds of error that pydantic has, and what it wanted.
_WANTED: tuple[tuple[str, str], ...] = (
    ("string", "text"),
    ("bool", "true or false"),
    ("int", "a whole number"),
    ("float", "a number"),
    ("dict", "a mapping of keys to values"),
    ("dataclass", "a mapping of keys to values"),
    ("tuple", "a list"),
    ("list", "a list"),
)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One refused setting.

    path: where it stands in the stack file, e.g. `namespaces[shop].applications[cart].port`
    value: what stands there, as a person would type it
    rule: what it breaks
    remedy: what to do about it
    """

    path: str
    value: str
    rule: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path} = {self.value}\n    rule:   {self.rule}\n    remedy: {self.remedy}"


class SettingsError(Exception):
    """A stack's configuration was refused. `problems` holds every reason, in the order of the file."""

    def __init__(self, stack: str, problems: Sequence[Problem]) -> None:
        self.stack = stack
        self.problems = tuple(problems)
        super().__init__(self.render())

    def render(self) -> str:
        count = len(self.problems)
        head = f"Stack {self.stack!r}: {count} setting{'s' if count != 1 else ''} refused; nothing was created."
        return "\n".join((head, *(f"  {problem}" for problem in self.problems)))


def rejection(rule: str, remedy: str) -> PydanticCustomError:
    """The error a field's validator raises: pydantic adds the path and the value."""
    return PydanticCustomError(_REJECTED, "{rule}", {"rule": rule, "remedy": remedy})


def problem_of(path: str, error: ErrorDetails) -> Problem:
    """Translates one pydantic error into the four things a person needs."""
    kind = error["type"]
    context = error.get("ctx", {})
    if kind == _REJECTED:
        return Problem(path=path, value=show(error["input"]), rule=str(context["rule"]), remedy=str(context["remedy"]))
    if kind in ("missing", "missing_argument", "missing_keyword_only_argument"):
        return Problem(path=path, value="(not set)", rule="This setting is required.", remedy="Set it.")
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return Problem(
            path=path,
            value=show(error["input"]),
            rule="No setting has this name.",
            remedy="Remove it, or correct its spelling; `docs/settings.md` documents every key.",
        )
    if kind == "too_short":
        return Problem(path=path, value=show(error["input"]), rule="The list must not be empty.", remedy="Add an item.")
    if kind == "literal_error":
        return Problem(
            path=path,
            value=show(error["input"]),
            rule=f"It must be one of {context['expected']}.",
            remedy="Choose one of these.",
        )
    wanted = next((words for beginning, words in _WANTED if kind.startswith(beginning)), "another value")
    return Problem(
        path=path,
        value=show(error["input"]),
        rule=f"It must be {wanted}.",
        remedy="Give a value of the type that `docs/settings.md` documents"
        + ("; a number or true that is meant as text stands in quotes." if wanted == "text" else "."),
    )


def path_of(location: Sequence[int | str], tree: Any = None) -> str:
    """`("namespaces", 0, "phase")` -> `namespaces[shop].phase`.

    List items that have a name go by it: a name is found in a file sooner than a position, and stays when the list
    is reordered. `tree` is where the names are looked up.
    """
    path = ""
    for step in location:
        tree = _step(tree, step)
        if isinstance(step, int):
            name = tree.get("name") if isinstance(tree, Mapping) else None
            path += f"[{name if isinstance(name, str) else step}]"
        else:
            path += f".{step}" if path else step
    return path


def _step(tree: Any, step: int | str) -> Any:
    try:
        return tree[step]
    except (KeyError, IndexError, TypeError):
        return None


def show(value: object) -> str:
    """A value as it would stand in the stack file; long ones are cut, since the path already finds them."""
    if value is None:
        text = "(not set)"
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, SecretStr):
        text = "[secret]"
    elif isinstance(value, str):
        text = f'"{value}"'
    elif isinstance(value, tuple | list):
        text = "[" + ", ".join(show(item) for item in value) + "]"
    elif isinstance(value, Mapping) and any(isinstance(item, SecretStr) for item in value.values()):
        text = "{" + ", ".join(f"{key}: {show(item)}" for key, item in value.items()) + "}"
    else:
        text = str(value)
    # As it can be printed: a lone surrogate ends every terminal and every log otherwise.
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= 120 else text[:117] + "..."

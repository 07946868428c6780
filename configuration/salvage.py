"""Reads a tree of settings so that all its problems come to light at once.

What is refused is cut out (or stood in for, where the setting has no default) and the rest is read again. So the
rules that compare one setting with another run over everything that is well-formed, and a person is not sent round
once for each mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from configuration.kinds.keys import AWS_KEYS
from configuration.problems import Problem, path_of, problem_of

_T = TypeVar("_T")
_Location = tuple[int | str, ...]

# Each round removes at least one value; a tree whose root is refused is given up at once.
_ROUNDS = 12

_CONFIG_KEYS = {name: key for key, name in AWS_KEYS.items()}


class SalvagingReader(Generic[_T]):
    def __init__(self, adapter: TypeAdapter[_T], *, placeholders: Mapping[tuple[str, ...], Any]) -> None:
        """placeholders: by path without positions, e.g. `("namespaces", "name")`."""
        self._adapter = adapter
        self._placeholders = placeholders

    def read(self, tree: dict[str, Any]) -> tuple[_T | None, list[Problem]]:
        """Returns what could be read (None if nothing could) and every problem met. Cuts `tree` in doing so."""
        problems: dict[str, Problem] = {}
        for round_number in range(_ROUNDS):
            try:
                return self._adapter.validate_python(tree), list(problems.values())
            except ValidationError as error:
                details = error.errors(include_url=False)
            if round_number == 0:
                # Later rounds only meet what the cuts left behind.
                for detail in details:
                    if detail["type"] == "too_short" and detail["input"]:
                        continue  # Only short because its items were refused, each of which is reported.
                    # The names in a path are looked up before the two keys of another prefix are restored.
                    path = path_of(detail["loc"], tree)
                    head, bracket, rest = path.partition("[")
                    path = _CONFIG_KEYS.get(head, head) + bracket + rest
                    problems.setdefault(path, problem_of(path, detail))
            gone: list[_Location] = []
            # From the last item of a list to its first, so that a cut does not move what is still to be cut.
            for detail in sorted(details, key=lambda d: [(isinstance(s, int), s) for s in d["loc"]], reverse=True):
                location = detail["loc"]
                # What it stood in went for another reason; cutting on would take what is around that as well.
                if not any(location[: len(cut)] == cut for cut in gone):
                    gone += self._cut(tree, location, missing=detail["type"] == "missing")
        return None, list(problems.values())

    def _cut(self, tree: dict[str, Any], location: _Location, *, missing: bool) -> list[_Location]:
        """Returns the locations that are no longer there."""
        placeholder = self._placeholders.get(tuple(step for step in location if isinstance(step, str)))
        parent = _at(tree, location[:-1])
        if missing and placeholder is not None and isinstance(parent, dict):
            parent[str(location[-1])] = placeholder
            return []
        # Where nothing can stand in for what is missing, the object that lacks it goes.
        return _remove(tree, location[:-1] if missing else location)


def _at(tree: Any, location: _Location) -> Any:
    for step in location:
        try:
            tree = tree[step]
        except (KeyError, IndexError, TypeError):
            return None
    return tree


def _remove(tree: Any, location: _Location) -> list[_Location]:
    """Removes the value at `location`, or the nearest one above it that exists, and says which."""
    for end in range(len(location), 0, -1):
        parent = _at(tree, location[: end - 1])
        try:
            del parent[location[end - 1]]
        except (KeyError, IndexError, TypeError):
            continue
        return [location[:end]]
    return []

"""Whoever does as a remedy says is not refused at the same place for what he was told to write."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from configuration.parsing import parse
from configuration.problems import Problem, SettingsError
from configuration.settings import PROJECT
from tests.unit.configuration.bad_settings import Stack, stack
from tests.unit.configuration.test_settings import ALL_BAD, problems

_WRITE = re.compile(r'Write (?:it as )?"([^"…<]+)"|e\.g\. "([^"]+)"|Put it in quotes[^"]*"([^"]+)"')


def told(problem: Problem) -> str | None:
    found = _WRITE.search(problem.remedy)
    return next(text for text in found.groups() if text) if found else None


def put_at(tree: Stack, path: str, value: object) -> None:
    """path: as a problem has it, `namespaces[shop].applications[api].port`."""
    *steps, last = re.findall(r"[^.\[\]]+", path)
    node: Any = tree
    for step in steps:
        node = _below(node, step)
    if isinstance(node, list):
        node[int(last)] = value
    else:
        node[last] = value


def _below(node: Any, step: str) -> Any:
    if not isinstance(node, list):
        return node.setdefault(step, {})
    named = [item for item in node if isinstance(item, dict) and item.get("name") == step]
    return named[0] if named else node[int(step)]


CASES = [name for name, (_, path, _, _) in ALL_BAD.items() if not path.startswith(("aws:", "tags"))]


@pytest.mark.parametrize("name", CASES)
def test_a_remedy_would_be_refused_itself(name: str) -> None:
    tree = stack()
    ALL_BAD[name][0](tree)
    # What was put there is the table's own, and is written into below.
    tree = copy.deepcopy(tree)
    (problem,) = problems(tree)
    text = told(problem)
    if text is None:
        return
    put_at(tree, problem.path, text)
    try:
        parse("test", {"aws:region": "eu-west-1", **{f"{PROJECT}:{key}": value for key, value in tree.items()}})
    except SettingsError as error:
        again = [other for other in error.problems if other.path == problem.path and other.rule == problem.rule]
        assert not again, f"{text!r} was told, and is refused: {again[0].rule}"


def test_remedies_that_say_what_to_write_are_found() -> None:
    assert told(Problem(path="a", value="b", rule="c", remedy='Write it as "10.20.0.0/16".')) == "10.20.0.0/16"
    assert told(Problem(path="a", value="b", rule="c", remedy='Set it, e.g. "10.20.0.0/16", or not.')) == "10.20.0.0/16"
    assert told(Problem(path="a", value="b", rule="c", remedy="Rename it.")) is None

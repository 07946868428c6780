"""The rules in a schema that its shape cannot say: CEL expressions, and the keys of lists that are sets or maps.

https://kubernetes.io/docs/reference/using-api/cel/: the functions Kubernetes adds to CEL, as far as the pinned CRDs
use them, are below; `tests/unit/validation/test_validation.py` holds that every stored rule can be evaluated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    import cel

Path = tuple[str | int, ...]


def broken_rules(content: Any, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """(path, message) of every rule that an object of the right shape breaks."""
    yield from _walk(content, schema, definitions, ())


def _walk(
    value: Any, schema: Mapping[str, Any], definitions: Mapping[str, Any], path: Path
) -> Iterator[tuple[Path, str]]:
    while "$ref" in schema:
        schema = definitions[schema["$ref"].removeprefix("#/$defs/")]
    if value is None:
        return
    for rule in schema.get("x-kubernetes-validations", ()):
        if not holds(rule["rule"], value):
            yield path, rule.get("message") or f"It breaks the rule {' '.join(rule['rule'].split())}"
    if isinstance(value, Mapping):
        properties = schema.get("properties", {})
        additional = schema.get("additionalProperties")
        for key, item in value.items():
            below = properties.get(key, additional)
            if isinstance(below, Mapping):
                yield from _walk(item, below, definitions, (*path, key))
    elif isinstance(value, list):
        yield from _duplicates(value, schema, path)
        items = schema.get("items")
        if isinstance(items, Mapping):
            for position, item in enumerate(value):
                yield from _walk(item, items, definitions, (*path, position))


# Server-side apply refuses a list of type map in which a key stands twice; the defaults below are part of such keys.
_KEY_DEFAULTS = {"protocol": "TCP"}


def _duplicates(value: list[Any], schema: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    kind = schema.get("x-kubernetes-list-type")
    if kind not in ("set", "map"):
        return
    keys = schema.get("x-kubernetes-list-map-keys", ())
    seen: dict[str, int] = {}
    for position, item in enumerate(value):
        identity = item
        if kind == "map" and isinstance(item, Mapping):
            identity = [item.get(key, _KEY_DEFAULTS.get(key)) for key in keys]
        first = seen.setdefault(json.dumps(identity, sort_keys=True), position)
        if first != position:
            what = f"the same {', '.join(keys)} as" if kind == "map" else "the same as"
            yield (*path, position), f"It has {what} item {first} of this list."


def holds(rule: str, value: Any) -> bool:
    """Whether a CEL rule holds for `self`. A rule that fails to evaluate counts as broken, as in the API server."""
    program = _program(rule)
    context = _context()
    context.add_variable("self", value)
    try:
        return program.execute(context) is True
    except (KeyError, RuntimeError, TypeError, ValueError):
        return False


@cache
def _compiler() -> Any:
    """The compiled module of the package `cel`; its `__init__` imports a command line with its terminal as well."""
    package = find_spec("cel")
    compiled = PathFinder.find_spec("cel", package.submodule_search_locations) if package else None
    if compiled is None or compiled.loader is None:
        raise ModuleNotFoundError("common-expression-language is not installed: pip install -r requirements-dev.txt")
    module = module_from_spec(compiled)
    compiled.loader.exec_module(module)
    return module


@cache
def _program(rule: str) -> cel.Program:
    return _compiler().compile(rule)


@cache
def _context() -> cel.Context:
    context = _compiler().Context(variables={})
    context.add_function("isURL", _is_url)
    context.add_function("url", lambda text: {"scheme": _split(text).scheme})
    context.add_function("getScheme", lambda url: url["scheme"])
    context.add_function("substring", lambda text, start, end: text[start:end])
    context.add_function("split", lambda text, separator: text.split(separator))
    context.add_function("find", _find)
    return context


def _find(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    return found[0] if found else ""


def _is_url(text: str) -> bool:
    # Go's url.ParseRequestURI: absolute, or a path.
    try:
        parts = _split(text)
    except ValueError:
        return False
    return bool(parts.scheme) or text.startswith("/")


def _split(text: str) -> SplitResult:
    return urlsplit(text)

"""The reference of all settings, written from their types.

`docs/settings.md` is what `python -m meshops.settings_reference` prints; a test holds the two together.
"""

from __future__ import annotations

import ast
import dataclasses
import datetime
import inspect
import ipaddress
import itertools
import re
import textwrap
import types
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import SecretStr
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from configuration.settings import Settings

_HEAD = """# Settings

Every key of a `Pulumi.<stack>.yaml`, below `zero-trust-mesh:`. An unknown key, a wrong type or a value against a rule
is refused with its path, the value, the rule and the remedy, all problems at once, before any resource exists.
`aws:region` is required; `aws:profile` and `aws:allowedAccountIds` (a list of account numbers, outside which the
provider does nothing) are optional. Any other key is refused too, since it would silently not hold.

This page is generated: `make docs`.
"""


def reference() -> str:
    """The whole page as Markdown."""
    sections = [_HEAD, *_section("Top level", Settings, skip=("region", "profile", "allowed_account_ids"))]
    seen: set[type] = set()
    queue = list(_nested(Settings))
    while queue:
        path, cls = queue.pop(0)
        if cls not in seen:
            seen.add(cls)
            sections += _section(f"`{path}`", cls)
            queue += [(f"{path}.{name}", nested) for name, nested in _nested(cls)]
    return "\n".join(sections)


def _section(title: str, cls: Any, skip: tuple[str, ...] = ()) -> Iterator[str]:
    yield f"## {title}\n"
    # dataclasses makes up a docstring (the signature) where there is none.
    if cls.__doc__ and not cls.__doc__.startswith(f"{cls.__name__}(") and cls is not Settings:
        yield " ".join(cls.__doc__.split()) + "\n"
    yield "| key | type | default | |\n| --- | --- | --- | --- |"
    hints = typing.get_type_hints(cls)
    fields: dict[str, FieldInfo] = cls.__pydantic_fields__
    texts = _texts(cls)
    for field in dataclasses.fields(cls):
        if field.name not in skip:
            kind, default = _type(hints[field.name]), _default(fields[field.name])
            yield f"| `{to_camel(field.name)}` | {kind} | {default} | {texts.get(field.name, '')} |"
    yield ""


def _texts(cls: type) -> dict[str, str]:
    """The string below each field. (pydantic would read them for every command: a twentieth of a small plan's time.)"""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for field, below in itertools.pairwise(definition.body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = " ".join(inspect.cleandoc(text).split())
    return found


def _nested(cls: Any) -> Iterator[tuple[str, type]]:
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        many = typing.get_origin(hints[field.name]) is tuple
        for part in _parts(hints[field.name]):
            if dataclasses.is_dataclass(part):
                yield to_camel(field.name) + ("[]" if many else ""), part


def _parts(hint: Any) -> list[Any]:
    arguments = typing.get_args(hint)
    return [part for argument in arguments for part in _parts(argument)] if arguments else [hint]


def _type(hint: Any) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type(argument) for argument in arguments if argument is not type(None))
    if origin is tuple:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"mapping of text to {_type(arguments[1])}"
    if origin is typing.Literal:
        return ", ".join(f"`{argument}`" for argument in arguments)
    names = {
        str: "text",
        SecretStr: "secret text",
        int: "whole number",
        float: "number",
        bool: "true or false",
        datetime.date: "day",
        ipaddress.IPv4Network: "CIDR",
    }
    return names.get(hint, "object")


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "**required**"
    value = info.get_default(call_default_factory=True, validated_data={})
    if value is None or value == () or value == {}:
        return ""
    if dataclasses.is_dataclass(value):
        return "see below"
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    print(re.sub(r"\n{3,}", "\n\n", reference()).rstrip())

"""Reads `Pulumi.yaml` and `Pulumi.<stack>.yaml` the way the engine does, without the engine."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from configuration.kinds.secrets import SECRETS
from configuration.settings import PROJECT
from offline.values import Secret

_STACK_FILE = re.compile(r"Pulumi\.(?P<stack>.+)\.ya?ml")


class StackError(Exception):
    """The stack cannot be read; the message is one line, or one line per problem."""


@dataclass(frozen=True, kw_only=True)
class StackConfig:
    """One stack's configuration.

    config: key -> value as the engine passes it: text, with objects and lists as JSON text. A value that the stack
            file holds encrypted is a `Secret` of a stand-in: there is no key to decrypt it here, and none is wanted.
            The stand-in changes with the encrypted text, so that what depends on it does too.
    path:   the stack's file
    """

    stack: str
    path: Path
    config: Mapping[str, str | Secret]


def stack_names(directory: Path) -> tuple[str, ...]:
    """The stacks whose files lie in `directory`, sorted."""
    matches = (_STACK_FILE.fullmatch(path.name) for path in directory.glob("Pulumi.*"))
    return tuple(sorted(match["stack"] for match in matches if match))


def read_stack(directory: Path, stack: str, project: str = PROJECT) -> StackConfig:
    """Reads a stack's file, with the defaults of the project file's `config` section behind it.

    project: whose a key without a namespace is
    Raises `StackError` for an unknown stack (naming those that exist) and for a file that is not valid.
    """
    known = stack_names(directory)
    if stack not in known:
        there = f"there are {', '.join(known)}" if known else "there is no Pulumi.<stack>.yaml here at all"
        raise StackError(f"Unknown stack {stack!r}: {there}.")
    path = next(path for suffix in ("yaml", "yml") if (path := directory / f"Pulumi.{stack}.{suffix}").exists())
    values = {**_defaults(directory / "Pulumi.yaml", project), **_section(path, _load(path), project)}
    config: dict[str, str | Secret] = {}
    for key, value in values.items():
        if key == f"{project}:{SECRETS}" and (clear := next(_in_plain_text(value, SECRETS), None)):
            raise StackError(
                f"{path.name}: {clear} stands in plain text: whoever reads the repository reads it. Take it for known "
                f"and change it, then set it encrypted: pulumi config set --secret --path {clear}"
            )
        try:
            config[key] = _as_passed(value)
        except (TypeError, ValueError, RecursionError):
            # The engine, too, hands over nothing but text and JSON.
            raise StackError(
                f"{path.name}: {key} holds something that is no text, number, list or mapping (!!binary, !!set, a "
                "date), or is nested without end."
            ) from None
    return StackConfig(stack=stack, path=path, config=config)


def for_parsing(config: Mapping[str, Any]) -> dict[str, Any]:
    """A stack's configuration as `configuration.parsing` takes it."""
    return {key: SecretStr(value.value) if isinstance(value, Secret) else value for key, value in config.items()}


def _defaults(project_file: Path, project: str) -> dict[str, Any]:
    """What the project file gives every stack: `value`, or `default` of a declared key."""
    if not project_file.exists():
        return {}
    defaults: dict[str, Any] = {}
    for key, declaration in _section(project_file, _load(project_file), project).items():
        if not isinstance(declaration, Mapping):
            defaults[key] = declaration
        elif "value" in declaration or "default" in declaration:
            defaults[key] = declaration.get("value", declaration.get("default"))
    return defaults


def _section(path: Path, document: Any, project: str) -> dict[str, Any]:
    section = document.get("config") if isinstance(document, Mapping) else None
    if section is None:
        return {}
    if not isinstance(section, Mapping):
        raise StackError(f"{path.name}: `config` must be a mapping of keys to values.")
    # A key without a namespace is the project's own.
    return {key if ":" in (key := str(name)) else f"{project}:{key}": value for name, value in section.items()}


def _as_passed(value: Any) -> str | Secret:
    clear, secret = _without_ciphertext(value)
    text = clear if isinstance(clear, str) else json.dumps(clear)
    return Secret(text) if secret else text


def _without_ciphertext(value: Any) -> tuple[Any, bool]:
    """The value with each `secure: …` replaced, and whether there was any: one makes the whole key secret."""
    if isinstance(value, Mapping):
        if set(value) == {"secure"}:
            return f"[secret {hashlib.sha256(str(value['secure']).encode()).hexdigest()}]", True
        pairs = {str(key): _without_ciphertext(item) for key, item in value.items()}
        return {key: item for key, (item, _) in pairs.items()}, any(secret for _, secret in pairs.values())
    if isinstance(value, list):
        items = [_without_ciphertext(item) for item in value]
        return [item for item, _ in items], any(secret for _, secret in items)
    return value, False


def _in_plain_text(value: Any, path: str) -> Iterator[str]:
    """The paths of what is not encrypted. At run time the engine no longer tells: it is here that it comes to light."""
    if isinstance(value, Mapping):
        if set(value) != {"secure"}:
            for key, item in value.items():
                yield from _in_plain_text(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _in_plain_text(item, f"{path}[{index}]")
    elif value not in (None, ""):
        yield path


def _load(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_EngineLoader)
    except yaml.YAMLError as problem:
        raise StackError(f"{path.name} is not valid YAML: {' '.join(str(problem).split())}") from problem
    except UnicodeDecodeError:
        raise StackError(f"{path.name} is not text in UTF-8.") from None
    except RecursionError:
        raise StackError(f"{path.name} is nested deeper than anything can read.") from None


class _EngineLoader(yaml.SafeLoader):
    """YAML as the engine reads it (Go's yaml.v3): `yes` and `1:30` are text, a key given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen and key_node.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


_EngineLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":int", ":timestamp"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_EngineLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(true|True|TRUE|false|False|FALSE)$"), None)
_EngineLoader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(0|[1-9][0-9]*)$"), None)

"""The values that properties of resources can have, where plain Python has none: secrets, unknowns, references."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MASK = "[secret]"


@dataclass(frozen=True, repr=False)
class Secret:
    """A value that Pulumi treats as a secret. Its text form never shows it."""

    value: Any

    def __repr__(self) -> str:
        return MASK


class Unknown:
    """A value that is not known before the resource exists; only a run with `preview=True` has any."""

    def __repr__(self) -> str:
        return "[unknown]"


UNKNOWN = Unknown()


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An output that is itself a resource, such as the `eksCluster` of an `eks:index:Cluster`.

    The program gets a resource object whose properties are `state`.
    """

    urn: str
    id: str
    state: Mapping[str, Any]


def plain(value: Any, *, secret: Callable[[Any], Any]) -> Any:
    """A copy without marks: each `Secret` becomes `secret(inner value)`, what is unknown its text."""
    # Most values are one of these, and a plan looks at each of them a few times.
    kind = type(value)
    if kind is str or kind is int or kind is bool:
        return value
    if kind is dict:
        return {key: plain(item, secret=secret) for key, item in value.items()}
    if kind is list:
        return [plain(item, secret=secret) for item in value]
    if isinstance(value, Secret):
        return secret(value.value)
    if isinstance(value, Unknown):
        return repr(value)
    if isinstance(value, Mapping):
        return {key: plain(item, secret=secret) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, secret=secret) for item in value]
    return value


def references(value: Any) -> Iterator[Reference]:
    """Every `Reference` anywhere in a value."""
    if isinstance(value, Reference):
        yield value
    elif isinstance(value, Secret):
        yield from references(value.value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from references(item)


def masked(value: Any) -> Any:
    """A copy that may be shown: secrets are `[secret]`."""
    return plain(value, secret=lambda _: MASK)


def revealed(value: Any) -> Any:
    """A copy with the secrets in it, for an engine that really makes the resource. Never to be shown or written."""
    return plain(value, secret=revealed)

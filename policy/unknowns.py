"""What a preview does not know yet: a rule that looks at it stops there and is reported as not judged, never passed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from offline.values import Secret, Unknown


class UnknownValue(Exception):
    """A rule looked at a value that only exists once the resource does. where: e.g. `metadata.annotations.…-arn`."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.where = where


def guarded(value: Any, where: str = "") -> Any:
    """The value itself where all of it is known; otherwise a view of it that raises `UnknownValue` at what is not."""
    return _view(value, where) if _has_unknown(value) else value


def _has_unknown(value: Any) -> bool:
    kind = type(value)
    if kind is str or kind is int or kind is bool:
        return False
    if kind is dict:
        return any(_has_unknown(item) for item in value.values())
    if kind is list:
        return any(_has_unknown(item) for item in value)
    if isinstance(value, Secret):
        return _has_unknown(value.value)
    return isinstance(value, Unknown)


def _view(value: Any, where: str) -> Any:
    if isinstance(value, Unknown):
        raise UnknownValue(where)
    if isinstance(value, Secret):
        return _view(value.value, where)
    if isinstance(value, dict):
        return _Mapping(value, where)
    if isinstance(value, list):
        return _List(value, where)
    return value


class _Mapping(Mapping[str, Any]):
    """Keys are known, values are looked at one by one."""

    def __init__(self, target: Mapping[str, Any], where: str) -> None:
        self._target, self._where = target, where

    def __getitem__(self, key: str) -> Any:
        return _view(self._target[key], f"{self._where}.{key}" if self._where else key)

    def __contains__(self, key: object) -> bool:
        return key in self._target

    def __iter__(self) -> Iterator[str]:
        return iter(self._target)

    def __len__(self) -> int:
        return len(self._target)


class _List(Sequence[Any]):
    def __init__(self, target: Sequence[Any], where: str) -> None:
        self._target, self._where = target, where

    def __getitem__(self, index: Any) -> Any:
        return _view(self._target[index], f"{self._where}[{index}]")

    def __len__(self) -> int:
        return len(self._target)

"""What the SDK does for the engine, or at a cost that grows with the stack, done otherwise while a program runs here.

Under the real engine the SDK is as it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from types import FunctionType
from typing import Any

from pulumi.runtime import known_types, resource, resource_cycle_breaker, rpc
from pulumi.runtime.proto import callback_pb2, source_pb2


@contextlib.contextmanager
def shortcuts() -> Generator[None, None, None]:
    """For one run of a program."""
    dependencies = _Dependencies()
    replacements = {
        # It reads the whole stack of calls for each resource, for the engine's messages. No engine here shows it.
        (resource, "_get_stack_trace"): source_pb2.StackTrace,
        (rpc, "contains_unknowns"): _contains_unknowns,
        # It opens a port, by which the engine would call transforms. No engine here does: they are recorded by name.
        (resource, "_get_callbacks"): _named_callbacks,
        (resource_cycle_breaker, "_reachable"): dependencies.reachable,
        (resource_cycle_breaker, "_add_dep"): dependencies.add,
    }
    originals = {(module, name): getattr(module, name) for module, name in replacements}
    try:
        for (module, name), function in replacements.items():
            setattr(module, name, function)
        yield
    finally:
        for (module, name), function in originals.items():
            setattr(module, name, function)


class _NamedCallbacks:
    """In place of the SDK's server of callbacks."""

    def register_transform(self, transform: FunctionType) -> callback_pb2.Callback:
        return callback_pb2.Callback(token=f"{transform.__module__}.{transform.__qualname__}")


async def _named_callbacks() -> _NamedCallbacks:
    return _NamedCallbacks()


def _contains_unknowns(value: Any) -> bool:
    """The SDK's own makes a closure that holds itself for each value, ten of them for each resource."""
    return _has_unknown(value, set())


def _has_unknown(value: Any, seen: set[int]) -> bool:
    if isinstance(value, dict | list):
        if id(value) in seen:
            return False
        seen.add(id(value))
        items = value.values() if isinstance(value, dict) else value
        return any(_has_unknown(item, seen) for item in items)
    return type(value) is not str and known_types.is_unknown(value)


class _Dependencies:
    """Which resource depends on which: the SDK asks before it adds a dependency, against circles.

    Its own answer goes through everything below the one resource, by a generator for each step of each path, though
    it is mostly plain that nothing there leads to the other: nothing depends on that yet.
    """

    def __init__(self) -> None:
        self._of: dict[Any, set[Any]] = {}
        self._depended_upon: set[Any] = set()

    def add(self, from_resource: Any, to_resource: Any) -> None:
        self._of.setdefault(from_resource, set()).add(to_resource)
        self._depended_upon.add(to_resource)

    def reachable(self, from_resource: Any, to_resource: Any) -> bool:
        if from_resource is to_resource:
            return True
        if to_resource not in self._depended_upon:
            return False
        seen, waiting = {from_resource}, [from_resource]
        while waiting:
            new = self._of.get(waiting.pop(), set()) - seen
            if to_resource in new:
                return True
            seen |= new
            waiting.extend(new)
        return False

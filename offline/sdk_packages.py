"""Imports of a provider's SDK what a program uses of it.

Each service of `pulumi_aws` is a package that imports all its modules, up to 180 for the dozen that are used, and that
is a third of the time of a small plan. Here such a package imports the module of a name when the name is first used,
by the SDK's own convention; for a name that does not follow it, everything, as the SDK does.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import re
import sys
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

_SERVICE = re.compile(r"pulumi_aws\.[a-z0-9_]+")


@contextlib.contextmanager
def imported_by_name() -> Generator[None, None, None]:
    """For packages that are not imported yet."""
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not _SERVICE.fullmatch(fullname):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None or spec.submodule_search_locations is None:
            return spec
        spec.loader = _Loader(spec.loader)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, whole: importlib.abc.Loader) -> None:
        self._whole = whole

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._whole.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        def attribute(name: str) -> Any:
            """Called for a name that the package does not have (yet)."""
            for leaf in () if name.startswith("__") else _leaves(module, name):
                found = importlib.import_module(f"{module.__name__}.{leaf}")
                if leaf == "outputs":
                    return found  # the SDK has it as a module: some of its classes are called as resources are
                # What `from .leaf import *` does: a function may have its module's name.
                module.__dict__.update({each: getattr(found, each) for each in getattr(found, "__all__", ())})
                if name in module.__dict__:
                    return module.__dict__[name]
            if f"{module.__name__}.{name}" in sys.modules:
                raise AttributeError(name)  # a module that imports itself from its package, while it is imported
            del module.__dict__["__getattr__"]
            self._whole.exec_module(module)
            return getattr(module, name)

        module.__dict__["__getattr__"] = attribute


def _leaves(package: ModuleType, name: str) -> Iterator[str]:
    """The modules in which the SDK would have a name: `vpc` for `Vpc` and `VpcArgs`, `get_vpc` for `get_vpc_output`."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    directory = Path(package.__path__[0])
    for leaf in (snake, snake.removesuffix("_args"), snake.removesuffix("_output"), "_inputs"):
        if (directory / f"{leaf}.py").exists() or (directory / leaf).is_dir():
            yield leaf

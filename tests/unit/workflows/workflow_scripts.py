"""The workflows' scripts as modules: they stand in no package, since a workflow runs them without the project."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def load(script: Path) -> ModuleType:
    """The script at this path, imported under a name of its own; what it imports from beside it, as it does itself."""
    if str(script.parent) not in sys.path:
        sys.path.append(str(script.parent))
    specification = importlib.util.spec_from_file_location(f"{script.stem}_script", script)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module

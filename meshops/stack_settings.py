"""A stack's settings from its file, without Pulumi."""

from __future__ import annotations

from pathlib import Path

from configuration.parsing import parse
from configuration.settings import Settings
from offline.stack_files import for_parsing, read_stack

PROGRAM = Path(__file__).resolve().parent.parent
"""Where the program and its stacks' files lie: from wherever a command is called, it is about these."""


def stack_settings(directory: Path, stack: str) -> Settings:
    """The settings of a stack whose file lies in `directory`. Raises `StackError` or `SettingsError`."""
    return parse(stack, for_parsing(read_stack(directory, stack).config))

"""What all sections share: frozen, keyword-only, camelCase in the stack file, unknown keys refused."""

from __future__ import annotations

from typing import TypeVar, dataclass_transform

import pydantic.dataclasses
from pydantic import ConfigDict
from pydantic.alias_generators import to_camel
from pydantic.fields import Field, FieldInfo

_T = TypeVar("_T")

_CONFIG = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(Field, FieldInfo))
def section(cls: type[_T]) -> type[_T]:
    """Makes a class one section of a stack's configuration."""
    return pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=_CONFIG)(cls)

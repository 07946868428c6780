"""The names that a stack file declares, refused or not, so that one mistake is not reported twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Stands in for a name that was refused, while the rest is being checked.
REFUSED_NAME = "refused-name"


@dataclass(frozen=True, kw_only=True)
class DeclaredNames:
    applications: frozenset[str]
    """As `namespace/name`."""

    @classmethod
    def of(cls, tree: Mapping[str, Any]) -> DeclaredNames:
        """tree: the settings as they stand in the stack file, before anything was cut out."""
        return cls(
            applications=frozenset(
                f"{namespace.get('name')}/{application.get('name')}"
                for namespace in _objects(tree.get("namespaces"))
                for application in _objects(namespace.get("applications"))
            )
        )


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []

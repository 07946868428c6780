"""The resources of a plan, as the record that two plans are compared by has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Resources = Mapping[str, Mapping[str, Any]]
"""`<chain of types>::<name>` -> an entry of resources.json."""


def inputs_of(resources: Resources, *types: str) -> Iterator[Mapping[str, Any]]:
    """Of the resources of these types."""
    for key, entry in resources.items():
        if key.partition("::")[0].rpartition("$")[2] in types:
            yield entry["inputs"]

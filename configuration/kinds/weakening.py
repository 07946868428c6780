"""One thing that a stack's settings give up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Weakening:
    path: str
    """The setting, e.g. `namespaces[shop].phase`."""
    value: str
    effect: str
    """What it gives up, in one sentence."""

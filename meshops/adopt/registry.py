"""Every check of an adoption, in the order of its id."""

from __future__ import annotations

from meshops.adopt import seen, traps
from meshops.adopt.model import AdoptionCheck

CHECKS: tuple[AdoptionCheck, ...] = tuple(
    sorted(
        (value for module in (traps, seen) for value in vars(module).values() if isinstance(value, AdoptionCheck)),
        key=lambda one: one.id,
    )
)

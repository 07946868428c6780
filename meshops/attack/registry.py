"""Every attempt and every legitimate request, in the order of their ids."""

from __future__ import annotations

from collections.abc import Sequence

from meshops.attack.catalogue import (
    control_plane,
    egress,
    generated,
    headers,
    identities,
    legitimate,
    ports,
    protocols,
    requests,
    staged,
    tenants,
    users,
)
from meshops.attack.model import FAMILIES, Attempt, Entry, Legitimate
from meshops.checks.options import UsageError

_MODULES = (ports, control_plane, identities, users, requests, headers, protocols, egress, tenants, generated, staged)
ATTEMPTS: tuple[Attempt, ...] = tuple(
    sorted((entry for module in _MODULES for entry in module.ATTEMPTS), key=lambda entry: entry.id)
)
LEGITIMATE: tuple[Legitimate, ...] = tuple(sorted(legitimate.ENTRIES, key=lambda entry: entry.id))
ENTRIES: tuple[Entry, ...] = (*ATTEMPTS, *LEGITIMATE)


def selected(only: Sequence[str]) -> tuple[Entry, ...]:
    """Those with these ids, or of these families: `MA101`, `egress`, `MA7`, `legitimate`. All if none is named.

    Raises UsageError.
    """
    found: set[str] = set()
    for wanted in only:
        matching = {entry.id for entry in ENTRIES if _meant(entry, wanted)}
        if not matching:
            raise UsageError(f"There is no attempt or family {wanted!r}: {_known()}.")
        found |= matching
    return tuple(entry for entry in ENTRIES if not only or entry.id in found)


def _meant(entry: Entry, wanted: str) -> bool:
    word = wanted.lower()
    short = len(word) == 3 and entry.id.lower().startswith(word)
    return entry.id.lower() == word or short or (len(word) > 3 and entry.section.lower().startswith(word))


def _known() -> str:
    families = ", ".join(f"MA{number} {family}" for number, family in enumerate(FAMILIES, start=1))
    return f"there are {families}, legitimate, and the ids that --list shows"

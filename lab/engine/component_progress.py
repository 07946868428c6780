"""A line of progress for each component of the program, as soon as all of it exists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from lab.engine.engine import Change
from lab.progress import Progress
from offline.registration import Registration


class ComponentProgress:
    """Between those lines it shows what is being made."""

    def __init__(self, registrations: tuple[Registration, ...], progress: Progress) -> None:
        self._progress = progress
        self._component = components(registrations)
        self._left = Counter(self._component.values())
        self._done: dict[str, list[Change]] = {}

    def report(self, change: Change) -> None:
        component = self._component.get(change.urn, "no longer in the program")
        self._done.setdefault(component, []).append(change)
        self._left[component] -= 1
        self._progress.update(f"{component}: {change.urn.split('$')[-1].replace('::', ' ')}")
        if self._left[component] == 0:
            done = self._done[component]
            self._progress.line(f"{component}: {counted(done)} ({sum(each.seconds for each in done):.1f} s)")


def counted(changes: Iterable[Change]) -> str:
    """How many resources were created, recorded, removed, left as they were, updated."""
    counts = Counter(change.what for change in changes)
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))


def components(registrations: tuple[Registration, ...]) -> Mapping[str, str]:
    """URN of each resource that an engine makes -> its outermost component, e.g. `MeshNamespace secure-apps`."""
    by_urn = {registration.urn: registration for registration in registrations}
    found: dict[str, str] = {}
    for registration in registrations:
        if registration.type.startswith("pulumi:") or not (registration.custom or registration.remote):
            continue
        outermost: Registration | None = None
        parent = by_urn.get(registration.parent)
        while parent is not None:
            outermost, parent = parent, by_urn.get(parent.parent)
        if outermost is None or outermost.custom:
            found[registration.urn] = "the stack itself"
        else:
            found[registration.urn] = f"{outermost.type.rsplit(':', 1)[-1]} {outermost.name}"
    return found

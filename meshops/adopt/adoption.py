"""What adopting these namespaces comes to: their entries, the settings with them, and what could not be written."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from configuration.applications import Phase, qualified
from configuration.parsing import parse
from configuration.problems import Problem, SettingsError
from configuration.settings import PROJECT, Settings
from meshops.adopt.entry import Entry, namespace_entry
from meshops.adopt.inventory import Inventory, Key
from meshops.adopt.sightings import Sighting
from meshops.adopt.traffic import Resolver, Traffic
from policy.stack import Stack

NAMESPACES = f"{PROJECT}:namespaces"
_SAYS_WHAT = frozenset({"application", "methods", "paths", "host", "cidr", "protocol"})
_NEED_A_PORT = frozenset({"callers", "hosts", "servicePort", "service", "protocol", "stickiness"})
_STEP = re.compile(r"\.?([A-Za-z]+)(?:\[([^\]]+)\])?")


@dataclass(frozen=True, kw_only=True)
class Adoption:
    """left_out: what the settings refuse, and so stands in no entry. settings: the stack's with the entries.

    before: the stack's as they are, which may have these namespaces already.
    """

    stack: Stack
    found: Inventory
    traffic: Traffic
    entries: tuple[Entry, ...]
    settings: Settings
    before: Settings
    left_out: tuple[Problem, ...]

    @property
    def namespaces(self) -> tuple[str, ...]:
        return tuple(str(entry["name"]) for entry in self.entries)


def adopt(
    config: Mapping[str, Any],
    found: Inventory,
    sightings: Sequence[Sighting],
    *,
    stack: str,
    namespaces: Sequence[str],
    phase: Phase | None = None,
) -> Adoption:
    """config: the stack's, as `configuration.parsing` takes it. Raises SettingsError if that is refused by itself."""
    settings = parse(stack, config)
    rules_stack = Stack(
        name=stack,
        known_settings=_without(settings, namespaces),
        resources=found.objects,
        today=datetime.now(UTC).date(),
    )
    known = {namespace.name for namespace in settings.namespaces} | {*namespaces}
    resolver = Resolver(
        inventory=found,
        adopted=frozenset(namespaces),
        known=frozenset(known),
        granted=_granted(settings),
    )
    traffic = resolver.resolve(sightings)
    entries = tuple(namespace_entry(name, found, traffic, rules_stack, phase=phase) for name in namespaces)
    whole, left_out = _accepted(stack, config, entries)
    return Adoption(
        stack=rules_stack,
        found=found,
        traffic=traffic,
        entries=entries,
        settings=whole,
        before=settings,
        left_out=left_out,
    )


def with_entries(config: Mapping[str, Any], entries: Sequence[Entry]) -> dict[str, Any]:
    """The stack's configuration with these namespaces in place of those of the same name."""
    listed = config.get(NAMESPACES) or []
    present = json.loads(listed) if isinstance(listed, str) else listed
    names = {entry["name"] for entry in entries}
    return {**config, NAMESPACES: [*(item for item in present if item.get("name") not in names), *entries]}


def _without(settings: Settings, namespaces: Sequence[str]) -> Settings:
    """The rules for pods are asked about namespaces that are not in the mesh yet as if they were."""
    kept = tuple(item for item in settings.namespaces if item.name not in namespaces)
    return dataclasses.replace(settings, namespaces=kept)


def _granted(settings: Settings) -> frozenset[tuple[Key, Key]]:
    found = set()
    for namespace in settings.namespaces:
        for application in namespace.applications:
            for caller in application.callers:
                home, _, name = qualified(caller.application, namespace.name).partition("/")
                found.add(((home, name), (namespace.name, application.name)))
    return frozenset(found)


def _accepted(stack: str, config: Mapping[str, Any], entries: Sequence[Entry]) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings with these entries; what is refused in them is cut out, one by one, and told.

    Raises SettingsError for what is refused elsewhere, or cannot be cut out.
    """
    left_out: list[Problem] = []
    while True:
        try:
            return parse(stack, with_entries(config, entries)), tuple(left_out)
        except SettingsError as problem:
            refused = next((one for one in problem.problems if _cut(entries, one.path)), None)
            if refused is None:
                raise
            left_out.append(refused)


def _cut(entries: Sequence[Entry], path: str) -> bool:
    """Takes the smallest thing at this path out of the entries: an item of a list, or else a key that may be left out.

    path: `namespaces[shop].applications[cart].callers[0].paths[1]`. Returns whether there was any.
    """
    steps = [(match[1], match[2]) for match in _STEP.finditer(path)]
    if not steps or steps[0][0] != "namespaces":
        return False
    holder: Any = {"namespaces": list(entries)}
    cuts: list[tuple[Any, Any]] = []
    for key, index in steps:
        if not isinstance(holder, dict) or key not in holder:
            break
        if index is None:
            if isinstance(holder, Entry) and key not in ("name", "phase", "existing", "workload", "applications"):
                cuts.append((holder, key))
            holder = holder[key]
            continue
        items = holder[key]
        place = _place(items, index)
        if place is None:
            break
        if key not in ("namespaces", "applications"):
            cuts.append((items, place) if len(items) > 1 else (holder, key))
        holder = items[place]
    if not cuts:
        return False
    # A caller without methods would be allowed all of them: it goes as a whole.
    target, place = cuts[-2] if cuts[-1][1] in _SAYS_WHAT and len(cuts) > 1 else cuts[-1]
    del target[place]
    if place == "port":
        for key in _NEED_A_PORT & target.keys():
            del target[key]
    return True


def _place(items: Sequence[Any], index: str) -> int | None:
    if index.isdigit():
        return int(index) if int(index) < len(items) else None
    return next(
        (place for place, item in enumerate(items) if isinstance(item, dict) and item.get("name") == index), None
    )

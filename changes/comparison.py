"""Compares two plans: which resources come, go and change, and in which fields. Secrets are masked in both.

A secret that only changes its value is therefore no change here, except that the pods which take it roll: the hash in
their template changes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from changes import control_planes, dns_records
from changes.replacements import STATEFUL, verdict

RESOURCES = "resources.json"
OPTIONS = "options.json"

# A plan's own stack and project stand in every URN: what is left out when stacks are compared with each other.
_URN_HEAD = re.compile(r"urn:pulumi:[^:]+::[^:]+::")
# What tells the items of a list apart, so that one more in front does not make all others look changed.
_ITEM_KEYS = ("name", "key", "Sid", "containerPort", "number")
_ABSENT = object()


class DiffError(Exception):
    """A directory holds no plan."""


@dataclass(frozen=True, kw_only=True)
class PlanFiles:
    """A written plan: `<chain of types>::<name>` -> its entry of resources.json, with its options."""

    resources: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One field. `path`: e.g. `inputs.spec.template.spec.containers[billing-api].image`; None where it is not set."""

    path: str
    old: str | None
    new: str | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Keys are `<chain of types>::<name>`, in registration order (the removed ones in that of the old plan)."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: Mapping[str, tuple[Change, ...]]
    """The replaced ones among them."""
    unchanged: int
    replaced: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of those that the provider deletes and makes anew, the properties that it cannot change in place."""
    unrecorded: tuple[str, ...] = ()
    """Types of changed resources of which nobody has recorded what the provider does."""
    moves: tuple[control_planes.Move, ...] = ()
    """Namespaces that get another control plane."""
    gone: tuple[str, ...] = ()
    """Revisions of the control planes that are removed."""
    unnamed: tuple[str, ...] = ()
    """Public hosts that lose their DNS record while the gateway goes on serving them."""

    @property
    def waiting(self) -> tuple[str, ...]:
        """The changed ones that only wait for other resources than before: the engine changes nothing of them."""
        return tuple(
            key
            for key, changes in self.changed.items()
            if all(change.path.startswith("depends_on") for change in changes)
        )

    @property
    def lost(self) -> tuple[str, ...]:
        """What goes, or is replaced, and takes more with it than itself."""
        return tuple(key for key in (*self.removed, *self.replaced) if type_of(key) in STATEFUL)


def read(directory: Path) -> PlanFiles:
    """Reads a plan's directory. Raises `DiffError` if there is none in it."""
    try:
        entries = json.loads((directory / RESOURCES).read_text(encoding="utf-8"))
        options_file = directory / OPTIONS
        options = json.loads(options_file.read_text(encoding="utf-8")) if options_file.exists() else {}
    except (OSError, json.JSONDecodeError) as problem:
        raise DiffError(f"{directory} holds no plan: {problem}") from None
    resources: dict[str, Mapping[str, Any]] = {}
    for entry in entries:
        fields = {key: value for key, value in entry.items() if key not in ("urn", "type", "name")}
        resources[key_of(entry["urn"])] = {**fields, "options": options.get(entry["urn"], {})}
    return PlanFiles(resources=resources)


def compare(old: PlanFiles, new: PlanFiles) -> Comparison:
    changed: dict[str, tuple[Change, ...]] = {}
    for key, entry in new.resources.items():
        before = old.resources.get(key)
        if before is not None and (found := tuple(field_changes(relative(before), relative(entry), ""))):
            changed[key] = found
    verdicts = {
        key: verdict(type_of(key), ((change.path, change.new is None) for change in found))
        for key, found in changed.items()
    }
    shared = sum(key in old.resources for key in new.resources)
    return Comparison(
        added=tuple(key for key in new.resources if key not in old.resources),
        removed=tuple(key for key in old.resources if key not in new.resources),
        changed=changed,
        unchanged=shared - len(changed),
        replaced={key: found.because for key, found in verdicts.items() if found.because},
        unrecorded=tuple(sorted({type_of(key) for key, found in verdicts.items() if not found.known})),
        moves=control_planes.moves(old.resources, new.resources),
        gone=control_planes.gone(old.resources, new.resources),
        unnamed=dns_records.lost(old.resources, new.resources),
    )


def field_changes(old: Any, new: Any, path: str) -> Iterator[Change]:
    if old == new:
        return
    old, new = _parsed(old, new)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from field_changes(old.get(key, _ABSENT), new.get(key, _ABSENT), _step(path, key))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _list_changes(old, new, path)
    else:
        yield Change(path=path, old=_text(old), new=_text(new))


def _list_changes(old: list[Any], new: list[Any], path: str) -> Iterator[Change]:
    before, after = _named(old), _named(new)
    if before is not None and after is not None:
        for name in [*before, *(name for name in after if name not in before)]:
            yield from field_changes(before.get(name, _ABSENT), after.get(name, _ABSENT), f"{path}[{name}]")
        if [name for name in before if name in after] != [name for name in after if name in before]:
            yield Change(path=f"{path} (order)", old=_text(list(before)), new=_text(list(after)))
    elif all(isinstance(item, str | int | float | bool) for item in (*old, *new)):
        gone, come = _without(old, new), _without(new, old)
        if gone or come:
            yield from (Change(path=f"{path}[]", old=_text(item), new=None) for item in gone)
            yield from (Change(path=f"{path}[]", old=None, new=_text(item)) for item in come)
        else:
            yield Change(path=f"{path} (order)", old=_text(old), new=_text(new))
    else:
        for position in range(max(len(old), len(new))):
            before_item = old[position] if position < len(old) else _ABSENT
            after_item = new[position] if position < len(new) else _ABSENT
            yield from field_changes(before_item, after_item, f"{path}[{position}]")


def _named(items: list[Any]) -> dict[str, Any] | None:
    """The items by the field that tells them apart; None if there is no such field."""
    if not all(isinstance(item, Mapping) for item in items):
        return None
    for key in _ITEM_KEYS:
        names = [str(item.get(key, "")) for item in items]
        if all(names) and len(set(names)) == len(names):
            return dict(zip(names, items, strict=True))
    return None


def _without(items: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    rest = list(others)
    kept = []
    for item in items:
        if item in rest:
            rest.remove(item)
        else:
            kept.append(item)
    return kept


def _parsed(old: Any, new: Any) -> tuple[Any, Any]:
    """Two texts that are JSON documents, as documents: an IAM policy is a text to Pulumi, but not to a reader."""
    if isinstance(old, str) and isinstance(new, str) and old[:1] + new[:1] in ("{{", "[["):
        try:
            return json.loads(old), json.loads(new)
        except json.JSONDecodeError:
            pass
    return old, new


def relative(value: Any) -> Any:
    """Without the stack's own name in URNs."""
    if isinstance(value, str):
        return _URN_HEAD.sub("", value)
    if isinstance(value, Mapping):
        return {relative(key): relative(item) for key, item in value.items()}
    if isinstance(value, list):
        return [relative(item) for item in value]
    return value


def _step(path: str, key: str) -> str:
    if re.fullmatch(r"[\w-]+", key):
        return f"{path}.{key}" if path else key
    return f'{path}["{key}"]'


def _text(value: Any) -> str | None:
    if value is _ABSENT:
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def key_of(urn: str) -> str:
    return urn.split("::", 2)[2]


def type_of(key: str) -> str:
    return key.partition("::")[0].rpartition("$")[2]


def name_of(key: str) -> str:
    return key.partition("::")[2]

"""What is deleted, or deleted and made anew: what holds state comes first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass

from changes.comparison import Comparison, name_of, type_of
from changes.replacements import STATEFUL
from meshops.review.facts import Planned
from meshops.review.lines import Line
from meshops.review.text import code, counted, listed


@dataclass(frozen=True, kw_only=True)
class Losses:
    """renamed: old key -> new key, of which an alias says that they are one resource."""

    lost: tuple[str, ...]
    replaced: tuple[str, ...]
    removed: tuple[str, ...]
    added: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]


def losses(comparison: Comparison, new: Planned) -> Losses:
    """Without what an alias carries over to another name."""
    renamed = tuple(_renamed(comparison, new))
    carried, carriers = {old for old, _ in renamed}, {name for _, name in renamed}
    return Losses(
        lost=tuple(key for key in comparison.lost if key not in carried),
        replaced=tuple(comparison.replaced),
        removed=tuple(key for key in comparison.removed if key not in carried),
        added=tuple(key for key in comparison.added if key not in carriers),
        renamed=renamed,
    )


def lines(comparison: Comparison, found: Losses, old: Planned) -> Iterator[Line]:
    """What holds state one by one, the rest by type."""
    because = comparison.replaced
    for key in found.lost:
        what = f"{code(name_of(key))} ({code(type_of(key))})"
        reason = f", because {listed(because[key])} cannot be changed in place" if key in because else ""
        verb = "replaced: deleted and made anew" if key in because else "deleted"
        yield Line(text=f"**{what} is {verb}**{reason}: {STATEFUL[type_of(key)]}.{_options(old, (key,))}")
    for host in comparison.unnamed:
        yield Line(
            text=f"**The DNS record of {code(host)} is deleted, and the gateway goes on serving it**: its clients find "
            f"it no more. Where its namespace leaves the mesh, {code('dnsRecords: always')} keeps it."
        )
    others = [key for key in found.replaced if key not in found.lost]
    for (type_, reasons), keys in _alike((key, because[key]) for key in others).items():
        names = listed((name_of(key) for key in keys), most=40)
        text = f"Replaced: {counted(len(keys), 'resource')} of type {code(type_)} ({names}), because {listed(reasons)}"
        yield Line(text=f"{text} cannot be changed in place.")
    if found.replaced:
        yield Line(text="What refers to one of these by its id may be replaced with it; the real preview names those.")
    gone = [key for key in found.removed if key not in found.lost and not type_of(key).startswith("mesh:")]
    for (type_, _), keys in _alike((key, ()) for key in gone).items():
        names = listed((name_of(key) for key in keys), most=40)
        options = _options(old, keys)
        yield Line(text=f"Deleted: {counted(len(keys), 'resource')} of type {code(type_)} ({names}).{options}")
    if comparison.unrecorded:
        types = listed(comparison.unrecorded, most=40)
        yield Line(text=f"Whether a change replaces these is not recorded; the real preview knows: {types}.")
    for move in comparison.moves:
        stays = f"; until their own pipelines restart them, {listed(move.stays)} keep theirs" if move.stays else ""
        moved = f"{code(move.namespace)} moves from control plane {code(move.old)} to {code(move.new)}"
        yield Line(text=f"{moved}: {listed(move.rolls) or 'nothing'} restarts by itself{stays}.")
    for revision in comparison.gone:
        yield Line(
            text=f"**The control plane {code(revision)} is deleted**: a sidecar that still calls it keeps its "
            "configuration, and a certificate for a day at most (preflight's check MP601 names those)."
        )


def _alike(keys: Iterable[tuple[str, tuple[str, ...]]]) -> dict[tuple[str, tuple[str, ...]], list[str]]:
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for key, reasons in keys:
        found.setdefault((type_of(key), reasons), []).append(key)
    return found


def _options(old: Planned, keys: Iterable[str]) -> str:
    """What the options of deleted resources say of the deletion, of those that stand now."""
    options = [(old.files.resources.get(key) or {}).get("options") or {} for key in keys]
    text = ""
    if protected := sum(bool(one.get("protect")) for one in options):
        text += f" {_of(protected, options)} protected: the update fails."
    if kept := sum(bool(one.get("retain_on_delete")) for one in options):
        text += f" {_of(kept, options)} kept where it is: Pulumi only forgets it (retainOnDelete)."
    return text


def _of(number: int, options: Sized) -> str:
    return "It is" if len(options) == 1 else f"{number} of them are"


def _renamed(comparison: Comparison, new: Planned) -> Iterator[tuple[str, str]]:
    removed = set(comparison.removed)
    for key in comparison.added:
        for alias in ((new.files.resources[key].get("options") or {}).get("aliases")) or ():
            old = _aliased(str(alias), key)
            if old in removed:
                removed.discard(old)
                yield old, key
                break


def _aliased(alias: str, key: str) -> str:
    """The key that an alias, as the plan writes it, stands for."""
    if alias.startswith("urn:pulumi:") and alias.count("::") >= 3:
        return alias.split("::", 2)[2]
    parts = dict(part.split("=", 1) for part in alias.split(",") if "=" in part)
    chain, _, name = key.partition("::")
    parents, _, type_ = chain.rpartition("$")
    if (parent := parts.get("parent", "")).count("::") >= 3:
        above = parent.split("::", 2)[2].partition("::")[0]
        parents = "" if above == "pulumi:pulumi:Stack" else above
    type_ = parts.get("type", type_)
    return f"{parents}${type_}::{parts.get('name', name)}" if parents else f"{type_}::{parts.get('name', name)}"

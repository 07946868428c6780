"""A step as a patch of the stack's file: the words that change and no others, comments and form kept."""

from __future__ import annotations

import difflib
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from configuration.settings import PROJECT, Settings
from meshops.checks.options import UsageError
from meshops.stack_settings import stack_settings
from meshops.waves.stages import Stage, settings_of, stage_of
from offline.stack_files import read_stack

_KEYS = (f"{PROJECT}:namespaces", "namespaces")
_UNSAID = ("authorization", "enforce")
"""The default, which a file that does not say it need not say."""


@dataclass(frozen=True, kw_only=True)
class Patch:
    """path: the stack's file; settings: what the file says once it is patched."""

    path: Path
    before: str
    after: str
    settings: Settings

    def diff(self) -> str:
        """As `git apply` takes it, from the directory of the file."""
        name = self.path.name
        lines = (text.splitlines(keepends=True) for text in (self.before, self.after))
        return "".join(difflib.unified_diff(*lines, fromfile=f"a/{name}", tofile=f"b/{name}"))

    def write(self) -> None:
        self.path.write_text(self.after, encoding="utf-8")


@dataclass(frozen=True, kw_only=True, order=True)
class _Edit:
    """Characters from `start` to `end` make way for `text`."""

    start: int
    end: int
    text: str


def patch(directory: Path, stack: str, moves: Mapping[str, Stage], *, named: Collection[str] = ()) -> Patch:
    """named: those of `moves` that keep the DNS records of their hosts outside the mesh.

    Raises StackError; SettingsError for a step that the rules of the settings refuse; UsageError where the file cannot
    be patched.
    """
    path = read_stack(directory, stack).path
    before = path.read_text(encoding="utf-8")
    after = edited(before, moves, named=named, name=path.name)
    settings = _read(directory, path.name, stack, after)
    there = {namespace.name: stage_of(namespace) for namespace in settings.namespaces}
    in_dns = {namespace.name for namespace in settings.namespaces if namespace.in_dns}
    missed = [
        name for name, stage in moves.items() if there.get(name) != stage or (name in named and name not in in_dns)
    ]
    if missed:
        raise UsageError(f"{path.name}: {', '.join(missed)} cannot be patched there: change it by hand.")
    return Patch(path=path, before=before, after=after, settings=settings)


def edited(
    text: str, moves: Mapping[str, Stage], *, named: Collection[str] = (), name: str = "the stack's file"
) -> str:
    """The text of a stack's file with these namespaces at these stages; named: as `patch` has it. Raises UsageError."""
    entries = dict(_entries(text, name))
    edits: list[_Edit] = []
    for namespace, stage in moves.items():
        if namespace not in entries:
            raise UsageError(f"{name} lists no namespace {namespace}: it lists {', '.join(entries) or 'none'}.")
        phase, authorization = settings_of(stage)
        wanted = {"phase": phase, "authorization": authorization}
        if namespace in named:
            wanted["dnsRecords"] = "always"
        edits += _edits(text, entries[namespace], wanted, f"{name}: namespace {namespace}")
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _edits(text: str, entry: yaml.MappingNode, wanted: Mapping[str, str], where: str) -> Iterator[_Edit]:
    values = {key.value: (key, value) for key, value in entry.value}
    if "phase" not in values or not isinstance(values["phase"][1], yaml.ScalarNode):
        raise UsageError(f"{where} has no phase of its own: write one.")
    phase_key, phase = values["phase"]
    for key, value in wanted.items():
        if key in values:
            old = values[key][1]
            yield _Edit(start=old.start_mark.index, end=old.end_mark.index, text=value)
        elif (key, value) == _UNSAID:
            continue
        elif entry.flow_style:
            yield _Edit(start=phase.end_mark.index, end=phase.end_mark.index, text=f", {key}: {value}")
        else:
            # Behind the whole line: a comment about the phase stays with it.
            end = text.find("\n", phase.end_mark.index)
            end = len(text) if end < 0 else end
            yield _Edit(start=end, end=end, text=f"\n{' ' * phase_key.start_mark.column}{key}: {value}")


def _entries(text: str, name: str) -> Iterator[tuple[str, yaml.MappingNode]]:
    """Each namespace with the node in which it stands."""
    found = _namespaces(yaml.compose(text))
    if not isinstance(found, yaml.SequenceNode):
        raise UsageError(f"{name} lists no namespaces: there is nothing to move.")
    for entry in found.value:
        if isinstance(entry, yaml.MappingNode):
            named = next((value.value for key, value in entry.value if key.value == "name"), None)
            if named:
                yield str(named), entry


def _namespaces(root: yaml.Node | None) -> yaml.Node | None:
    config = _value(root, "config")
    return next((found for key in _KEYS if (found := _value(config, key)) is not None), None)


def _value(node: yaml.Node | None, name: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)


def _read(directory: Path, name: str, stack: str, text: str) -> Settings:
    """What a stack's file with this text says, by the reader of stacks' files itself."""
    with tempfile.TemporaryDirectory(prefix="meshops-") as scratch:
        project = directory / "Pulumi.yaml"
        if project.exists():
            shutil.copy(project, scratch)
        (Path(scratch) / name).write_text(text, encoding="utf-8")
        return stack_settings(Path(scratch), stack)

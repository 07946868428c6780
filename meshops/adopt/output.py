"""Writes an adoption: the entries, the files for whoever keeps a namespace in Git, and the stack's file if asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from manifests.git_files import git_files
from manifests.stack import StackDocuments
from meshops.adopt.adoption import NAMESPACES, Adoption
from meshops.adopt.entry import Entry
from meshops.adopt.yaml_lines import namespaces_yaml
from meshops.checks.options import UsageError
from meshops.plan.files import swapped_in, to_yaml

SETTINGS = "settings.yaml"
REPORT = "report.txt"


def write(adoption: Adoption, report: str, target: Path) -> tuple[str, ...]:
    """Writes it in place of `target`, all or nothing. Returns the files, relative to it."""
    with swapped_in(target) as directory:
        text = f"config:\n  {NAMESPACES}:\n{namespaces_yaml(adoption.entries)}"
        (directory / SETTINGS).write_text(text, encoding="utf-8")
        (directory / REPORT).write_text(f"{report.rstrip()}\n", encoding="utf-8")
        _for_git(adoption, directory)
    return tuple(sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()))


def _for_git(adoption: Adoption, directory: Path) -> None:
    made = StackDocuments(settings=adoption.settings)
    for namespace in adoption.settings.namespaces:
        if namespace.delivery == "git" and namespace.name in adoption.namespaces:
            target = directory / "git" / namespace.name
            target.mkdir(parents=True)
            for name, documents in git_files(made.of((namespace,))).items():
                (target / name).write_text("---\n".join(map(to_yaml, documents)), encoding="utf-8")


def append(path: Path, entries: Sequence[Entry]) -> None:
    """Adds the entries to a stack's file, behind its last namespace; all else stays as it is, comments too.

    Raises UsageError where one of them is there already: what somebody wrote is not replaced.
    """
    text = path.read_text(encoding="utf-8")
    config = _value(yaml.compose(text), "config")
    listed = _value(config, NAMESPACES)
    if listed is None:
        path.write_text(f"{text.rstrip()}\n  {NAMESPACES}:\n{namespaces_yaml(entries)}", encoding="utf-8")
        return
    if not isinstance(listed, yaml.SequenceNode) or listed.flow_style:
        raise UsageError(f"{path.name}: {NAMESPACES} is no list with an item on each line; add {SETTINGS} by hand.")
    there = {name.value for item in listed.value if isinstance(name := _value(item, "name"), yaml.ScalarNode)}
    if twice := sorted(there & {str(entry["name"]) for entry in entries}):
        raise UsageError(
            f"{path.name} has {', '.join(twice)} already: compare it with {SETTINGS}; nothing was written."
        )
    lines = text.splitlines(keepends=True)
    end = listed.end_mark.line if listed.end_mark.line < len(lines) else len(lines)
    # The list ends where the next thing begins: what stands before that, blank or a comment, is that thing's.
    while end and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    if not lines[end - 1].endswith("\n"):
        lines[end - 1] += "\n"
    added = namespaces_yaml(entries, indent=listed.start_mark.column)
    path.write_text("".join((*lines[:end], added, *lines[end:])), encoding="utf-8")


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)

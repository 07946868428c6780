"""Layers made of this machine's files."""

from __future__ import annotations

import tarfile
from pathlib import Path

from lab.images.layers import Store


def test_a_layer_of_the_same_files_is_made_once_and_of_changed_ones_anew(tmp_path: Path) -> None:
    store, source = Store(tmp_path / "store"), tmp_path / "program"
    source.write_text("one", encoding="utf-8")

    first = store.layer({"/bin/program": str(source)})
    again = store.layer({"/bin/program": str(source)})
    source.write_text("another", encoding="utf-8")
    changed = store.layer({"/bin/program": str(source)})

    assert first == again
    assert changed.digest != first.digest


def test_a_layer_has_the_file_behind_a_link_and_its_directories_and_everything_is_roots(tmp_path: Path) -> None:
    program, link = tmp_path / "program", tmp_path / "link"
    program.write_text("#!/bin/sh", encoding="utf-8")
    program.chmod(0o755)
    link.symlink_to(program)
    store = Store(tmp_path / "store")

    layer = store.layer({"/usr/bin/tool": str(link)}, {"/tmp/.keep": ""}, {"/bin": "usr/bin"})

    with tarfile.open(store.path(layer.digest)) as archive:
        entries = {entry.name: entry for entry in archive}
    assert list(entries) == ["usr", "usr/bin", "usr/bin/tool", "tmp", "tmp/.keep", "bin"]
    assert entries["usr/bin/tool"].isreg()
    assert entries["usr/bin/tool"].mode == 0o755
    assert entries["bin"].linkname == "usr/bin"
    assert entries["tmp"].mode == 0o1777
    assert {(entry.uid, entry.gid, entry.mtime) for entry in entries.values()} == {(0, 0, 0)}

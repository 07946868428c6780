"""The toolchain's build: what it says when something is missing. Building it is what the other tests need."""

from __future__ import annotations

import io
import shutil
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab.build import build, go_compiler, go_module, packages
from lab.errors import LabError
from lab.progress import Silent, TerminalProgress

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache and a module cache with nothing in them."""
    monkeypatch.setenv("ZTM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    return tmp_path


def test_without_a_network_one_line_says_so(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:1")
    with pytest.raises(LabError, match="the Go module proxy cannot be reached") as caught:
        build.ensure(Silent())
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_found_before_anything_is_built(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=3 * 1024**3))
    with pytest.raises(LabError, match=r"needs 8 GiB free below .* and there are 3\.0; ZTM_CACHE names another place"):
        build.ensure(Silent())


def test_a_cache_that_cannot_be_written_is_named(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (empty_cache / "file").write_text("not a directory", encoding="utf-8")
    monkeypatch.setenv("ZTM_CACHE", str(empty_cache / "file"))
    with pytest.raises(LabError, match="cannot be used"):
        build.ensure(Silent())


def test_a_background_build_hands_its_problem_over(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=0))
    background = build.BackgroundBuild(Silent())
    with pytest.raises(LabError, match="GiB free"):
        background.result()


def test_a_go_that_is_too_old_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "bin" / "go"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho go version go1.19.8 linux/amd64\n", encoding="utf-8")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:/usr/bin:/bin")
    monkeypatch.setattr(go_compiler, "_install", lambda directory: None)
    with pytest.raises(LabError, match=r"Go 1\.\d+\.\d+ or newer is needed"):
        go_compiler.find(go_module.SOURCE / "go.mod", tmp_path / "cache", Silent())


def test_the_toolchains_key_changes_with_what_is_built() -> None:
    assert build._key(go_module.PACKAGES) != build._key((*go_module.PACKAGES, go_module.KUBECTL_PACKAGE))


def test_a_program_the_toolchain_does_not_have_is_named(tmp_path: Path) -> None:
    toolchain = build.existing(tmp_path)
    assert toolchain is not None
    with pytest.raises(LabError, match="no program 'envoy'"):
        toolchain.bin("envoy")


def test_missing_packages_are_named_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "is_root", lambda: False)
    with pytest.raises(LabError, match="install these packages first: some-package"):
        packages.ensure(Silent(), {"a-command-nobody-has": "some-package"})


def test_progress_in_a_file_is_sparse_and_never_redraws() -> None:
    stream = io.StringIO()
    shown = TerminalProgress(stream)
    threads = [threading.Thread(target=shown.update, args=(f"package {i}",)) for i in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shown.line("done")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2, f"one sign of life and the line that counts, not {lines}"
    assert "\x1b" not in stream.getvalue()

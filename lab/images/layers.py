"""Layers of OCI images, made of this machine's files: uncompressed tars, each made once and kept by its digest."""

from __future__ import annotations

import fcntl
import io
import os
import stat
import tarfile
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path, PurePosixPath
from typing import IO

MEDIA_TYPE = "application/vnd.oci.image.layer.v1.tar"
_LEFT_OUT = frozenset({"__pycache__", "site-packages", "dist-packages"})
_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Blob:
    """A file of the store. digest: `sha256:…`, of an uncompressed layer its diff ID too; size: in bytes."""

    digest: str
    size: int


class Store:
    """A directory of blobs by digest, and of keys by which a layer that was made before is found again."""

    def __init__(self, directory: Path) -> None:
        self._blobs, self._keys, self._references = (directory / name for name in ("blobs", "keys", "references"))
        for path in (self._blobs, self._keys, self._references):
            path.mkdir(parents=True, exist_ok=True)
        self._lock = directory / "lock"

    def path(self, digest: str) -> Path:
        """Where a blob is, or would be."""
        return self._blobs / digest.removeprefix("sha256:")

    def add(self, content: bytes) -> Blob:
        digest = sha256(content).hexdigest()
        path = self._blobs / digest
        if not path.exists():
            unfinished = path.with_suffix(f".{os.getpid()}.unfinished")
            unfinished.write_bytes(content)
            unfinished.rename(path)
        return Blob(digest=f"sha256:{digest}", size=len(content))

    def take(self, content: IO[bytes]) -> Blob:
        """As `add`, of what is read piece by piece."""
        found, size = sha256(), 0
        unfinished = self._blobs / f"{os.getpid()}.unfinished"
        with unfinished.open("wb") as output:
            while chunk := content.read(_CHUNK):
                found.update(chunk)
                size += output.write(chunk)
        unfinished.rename(self._blobs / found.hexdigest())
        return Blob(digest=f"sha256:{found.hexdigest()}", size=size)

    def note(self, reference: str, digest: str) -> None:
        """Remembers what image a reference means."""
        (self._references / sha256(reference.encode()).hexdigest()).write_text(digest, encoding="utf-8")

    def noted(self, reference: str) -> str | None:
        path = self._references / sha256(reference.encode()).hexdigest()
        return path.read_text(encoding="utf-8") if path.exists() else None

    def layer(
        self, files: Mapping[str, str], texts: Mapping[str, str] | None = None, links: Mapping[str, str] | None = None
    ) -> Blob:
        """A layer of these files.

        files: path in the image -> file or directory here; texts: path -> content; links: path -> what it leads to

        Raises OSError if one of the files is not there.
        """
        contents, leading = texts or {}, links or {}
        key = _key(files, {**contents, **leading})
        with self._alone():
            noted = self._keys / key
            if noted.exists():
                digest = noted.read_text(encoding="utf-8")
                if self.path(digest).exists():
                    return Blob(digest=digest, size=self.path(digest).stat().st_size)
            blob = self._write(files, contents, leading)
            noted.write_text(blob.digest, encoding="utf-8")
            return blob

    def _write(self, files: Mapping[str, str], texts: Mapping[str, str], links: Mapping[str, str]) -> Blob:
        unfinished = self._blobs / f"{os.getpid()}.layer"
        with unfinished.open("wb") as output, tarfile.open(fileobj=output, mode="w") as archive:
            _Writing(archive).all(files, texts, links)
        with unfinished.open("rb") as content:
            digest = file_digest(content, sha256).hexdigest()
        target = self._blobs / digest
        unfinished.rename(target)
        return Blob(digest=f"sha256:{digest}", size=target.stat().st_size)

    @contextmanager
    def _alone(self) -> Generator[None]:
        with self._lock.open("w", encoding="utf-8") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


class _Writing:
    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self._directories: set[str] = set()

    def all(self, files: Mapping[str, str], texts: Mapping[str, str], links: Mapping[str, str]) -> None:
        for target, source in sorted(files.items()):
            for path, inside in _walked(Path(source), target):
                self._add(path, inside)
        for target, text in sorted(texts.items()):
            self._parents(target)
            entry = _entry(target, 0o644)
            entry.size = len(text.encode())
            self._archive.addfile(entry, io.BytesIO(text.encode()))
        for target, leads_to in sorted(links.items()):
            entry = _entry(target, 0o777)
            entry.type, entry.linkname = tarfile.SYMTYPE, leads_to
            self._archive.addfile(entry)

    def _add(self, source: Path, target: str) -> None:
        status = source.lstat()
        self._parents(target)
        entry = _entry(target, stat.S_IMODE(status.st_mode))
        if stat.S_ISLNK(status.st_mode):
            entry.type, entry.linkname = tarfile.SYMTYPE, os.readlink(source)
            self._archive.addfile(entry)
        elif stat.S_ISDIR(status.st_mode):
            self._directory(target, stat.S_IMODE(status.st_mode))
        elif stat.S_ISREG(status.st_mode):
            entry.size = status.st_size
            with source.open("rb") as content:
                self._archive.addfile(entry, content)

    def _parents(self, target: str) -> None:
        for parent in reversed(PurePosixPath(target.lstrip("/")).parents):
            if str(parent) != ".":
                self._directory(str(parent), 0o755)

    def _directory(self, target: str, mode: int) -> None:
        name = target.strip("/")
        if name not in self._directories:
            self._directories.add(name)
            entry = _entry(name, 0o1777 if name in {"tmp", "var/tmp"} else mode)
            entry.type = tarfile.DIRTYPE
            self._archive.addfile(entry)


def _entry(target: str, mode: int) -> tarfile.TarInfo:
    """Root's, and without a time: the same files give the same digest."""
    entry = tarfile.TarInfo(target.strip("/"))
    entry.mode = mode
    return entry


def _walked(source: Path, target: str) -> Iterable[tuple[Path, str]]:
    """A file itself, whatever it is linked by; a directory with all below it, links as they are."""
    real = source.resolve(strict=True)
    yield real, target
    if real.is_dir():
        for directory, names, files in os.walk(real):
            names[:] = sorted(name for name in names if name not in _LEFT_OUT)
            for name in sorted((*names, *files)):
                path = Path(directory) / name
                yield path, f"{target}/{path.relative_to(real)}"


def _key(files: Mapping[str, str], texts: Mapping[str, str]) -> str:
    found = sha256()
    for target, source in sorted(files.items()):
        for path, inside in _walked(Path(source), target):
            status = path.lstat()
            found.update(
                f"{inside}\0{status.st_mode}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}\0".encode()
            )
    for target, text in sorted(texts.items()):
        found.update(f"{target}\0{text}\0".encode())
    return found.hexdigest()[:32]

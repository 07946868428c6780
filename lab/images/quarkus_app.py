"""Builds the example quarkus-app into the lab's cache as its Dockerfile would: Maven's package beside a small Java.

The result is reached by a link whose name depends on the checkout only. So the row of the image table is known before
anything is built, and a pod that starts later runs the newest build.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from lab import paths
from lab.build import packages
from lab.errors import LabError
from lab.images.image import Image
from lab.progress import Progress

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "quarkus-app"
DEBIAN_PACKAGES = {"mvn": "maven", "javac": "openjdk-17-jdk-headless"}
# The `nonroot` user of the image that the Dockerfile builds on; the program's own pods name another.
_USER = 65532
# Java's own, and what Quarkus loads by name.
_MODULES = "java.se,jdk.crypto.ec,jdk.unsupported,jdk.zipfs"
_SECONDS = 1200
# What fits beside a sidecar on a small node: one heap of 64 MiB, the collector and compiler with the fewest threads.
_JVM = ("-Xmx64m", "-Xss512k", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError")


def row() -> Image:
    """The image; before `ensure` has run once its containers do not start."""
    built = _link()
    return Image(
        pattern="ghcr.io/example/parcels:*",
        entrypoint=("/opt/java/bin/java", *_JVM, "-jar", "/app/quarkus-run.jar"),
        files={"/opt/java": str(built / "java"), "/app": str(built / "app")},
        user=_USER,
    )


def ensure(progress: Progress) -> Path:
    """The built image's files: `app` and `java`; a minute the first time, with its unit tests. Raises LabError."""
    sources = sorted(path for path in (EXAMPLE / "src").rglob("*") if path.is_file())
    key = sha256(_MODULES.encode())
    for path in (EXAMPLE / "pom.xml", *sources):
        content = path.read_bytes()
        key.update(f"{path.relative_to(EXAMPLE)} {len(content)}\n".encode() + content)
    link = _link()
    target = link.parent / f"quarkus-app-{key.hexdigest()[:16]}"
    if not target.is_dir():
        _build(target, progress)
    unfinished = link.with_name(f"{link.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to(target.name)
    unfinished.replace(link)
    return target


def _link() -> Path:
    checkout = sha256(str(EXAMPLE).encode()).hexdigest()[:12]
    return paths.cache_directory().parent / "examples" / f"quarkus-app-of-{checkout}"


def _build(target: Path, progress: Progress) -> None:
    packages.ensure(progress, DEBIAN_PACKAGES)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        work = Path(scratch) / "work"
        shutil.copytree(EXAMPLE / "src", work / "src")
        shutil.copyfile(EXAMPLE / "pom.xml", work / "pom.xml")
        progress.line("building examples/quarkus-app with Maven: about a minute, with its tests")
        _run(["mvn", "--batch-mode", "--quiet", "package"], work, "it needs Maven's central repository or a mirror")
        image = Path(scratch) / "image"
        image.mkdir()
        image.chmod(0o755)
        (work / "target" / "quarkus-app").rename(image / "app")
        jlink = ["jlink", "--add-modules", _MODULES, "--no-header-files", "--no-man-pages", "--compress", "2"]
        _run([*jlink, "--output", str(image / "java")], work, "a JDK has it: apt-get install openjdk-17-jdk-headless")
        try:
            image.rename(target)
        except OSError:
            # Another command was faster; its directory is the same.
            if not target.is_dir():
                raise


def _run(command: Sequence[str], directory: Path, remedy: str) -> None:
    what = f"{command[0]} for examples/quarkus-app"
    try:
        answer = subprocess.run(
            command, cwd=directory, capture_output=True, text=True, check=False, timeout=_SECONDS, umask=0o022
        )
    except (subprocess.TimeoutExpired, OSError) as problem:
        raise LabError(f"{what}: {problem}; {remedy}") from problem
    if answer.returncode != 0:
        lines = (re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in (answer.stdout + answer.stderr).splitlines())
        said = next((line for line in lines if re.match(r"(\[ERROR\]|[Ee]rror)", line)), "it gave no reason")
        raise LabError(f"{what} ended with {answer.returncode}: {said}; {remedy}")

"""Runs the Go command for the toolchain and turns what goes wrong into one line."""

from __future__ import annotations

import atexit
import os
import re
import signal
import subprocess
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.build.go_compiler import Go
from lab.errors import LabError
from lab.progress import Progress

# Enough of the standard library to keep a core busy while the first modules arrive.
STANDARD_PACKAGES: tuple[str, ...] = (
    "net/http", "net/http/httputil", "net/http/pprof", "crypto/...", "encoding/...", "go/parser", "go/format",
    "html/template", "text/template", "text/tabwriter", "log/slog", "database/sql", "archive/...", "compress/...",
    "testing", "expvar", "mime/multipart", "os/exec", "os/signal", "runtime/...", "regexp", "math/big", "image/png",
)  # fmt: skip
# Downloads wait for the network, not for the processor, but Go runs one for each processor it sees.
DOWNLOADS_AT_ONCE = 16
# The compiler's garbage collector costs a tenth of its time; it starts only at this limit, for each process.
COMPILER_GOGC = "off"
COMPILER_MEMORY_LIMIT = "2GiB"

_NETWORK = re.compile(
    r"dial tcp|no such host|connection refused|i/o timeout|TLS handshake|server misbehaving|proxyconnect"
)
_ARRIVED = re.compile(r"# get \S+\.zip: 200 ")
_TAIL_LINES = 40

_STARTED: weakref.WeakSet[subprocess.Popen[str]] = weakref.WeakSet()


@atexit.register
def _stop_what_runs() -> None:
    """A build runs in a thread that ends with the program, at Ctrl-C or a refused plan; its compilers must too."""
    for process in list(_STARTED):
        _stop(process)


@dataclass(frozen=True, kw_only=True)
class GoRunner:
    """The Go command with the environment of this build; the caller's own Go settings do not leak in."""

    go: Go
    source: Path
    scratch: Path
    flags: tuple[str, ...]
    cgo: bool = False

    def download_while_compiling_the_standard_library(self, progress: Progress, expected: int) -> None:
        """Fetches every module of go.mod; raises LabError."""
        compiling = self._start(("build", *self.flags, *STANDARD_PACKAGES), {}, quiet=True)
        try:
            # With -x because the answers of -json come only when everything is there.
            downloading = self._start(("mod", "download", "-x"), {"GOMAXPROCS": str(DOWNLOADS_AT_ONCE)})
            assert downloading.stdout is not None
            done, tail = 0, list[str]()
            for line in downloading.stdout:
                if _ARRIVED.match(line):
                    done += 1
                    progress.update(f"downloading modules: {done} of about {expected}")
                elif not line.startswith("# get "):
                    tail = [*tail[1 - _TAIL_LINES :], line.rstrip()]
            if downloading.wait() != 0:
                raise _failure("downloading Go modules", tail)
        except BaseException:
            _stop(compiling)
            raise
        # Whatever it has not reached yet, or could not build, is part of the build proper.
        compiling.wait()

    def build(self, packages: tuple[str, ...], into: Path, progress: Progress, expected: int) -> None:
        """Compiles and links `packages` into the directory `into`; raises LabError."""
        building = self._start(("build", "-v", *self.flags, "-o", f"{into}/", *packages), {})
        assert building.stdout is not None
        done, tail = 0, list[str]()
        try:
            for line in building.stdout:
                tail = [*tail[1 - _TAIL_LINES :], line.rstrip()]
                done += 1
                programs = sum(1 for _ in into.iterdir())
                counts = f"{min(done, expected)} of about {expected} packages, {programs} of {len(packages)} programs"
                progress.update(f"compiling: {counts}: {line.strip()}")
            if building.wait() != 0:
                raise _failure("building the toolchain", tail)
        except BaseException:
            _stop(building)
            raise

    def vet(self, packages: tuple[str, ...], progress: Progress) -> None:
        """`go vet`; raises LabError with its first finding."""
        vetting = self._start(("vet", *self.flags, *packages), {})
        assert vetting.stdout is not None
        progress.update("vetting the lab's own packages")
        try:
            lines = [line.rstrip() for line in vetting.stdout]
            if vetting.wait() != 0:
                raise _failure("go vet", lines)
        except BaseException:
            _stop(vetting)
            raise

    def module_directory(self, module: str) -> Path:
        """Where the sources of a required module are."""
        finished = subprocess.run(
            [self.go.command, "list", "-m", "-f", "{{.Dir}}", module],
            cwd=self.source, env=self._environment({}), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if finished.returncode != 0:
            raise _failure(f"finding module {module}", finished.stderr.splitlines())
        return Path(finished.stdout.strip())

    def _start(
        self, arguments: tuple[str, ...], extra: Mapping[str, str], *, quiet: bool = False
    ) -> subprocess.Popen[str]:
        try:
            process = subprocess.Popen(
                [self.go.command, *arguments],
                cwd=self.source,
                env=self._environment(extra),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if quiet else subprocess.PIPE,
                stderr=subprocess.DEVNULL if quiet else subprocess.STDOUT,
                text=True,
                start_new_session=True,  # so that the compilers can be stopped with it
            )
        except OSError as problem:
            raise LabError(f"{self.go.command} could not be started: {problem}") from problem
        _STARTED.add(process)
        return process

    def _environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        own = {
            "GOCACHE": str(self.scratch / "gocache"),
            "GOTMPDIR": str(self.scratch),
            "GOFLAGS": "-mod=readonly",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            "CGO_ENABLED": "1" if self.cgo else "0",
            "GOGC": COMPILER_GOGC,
            "GOMEMLIMIT": COMPILER_MEMORY_LIMIT,
        }
        kept = {
            name: value for name, value in os.environ.items() if name not in {"GOOS", "GOARCH", "GOEXPERIMENT", "GOBIN"}
        }
        return {**kept, **own, **extra}


def _stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _failure(doing: str, lines: list[str]) -> LabError:
    """One line out of Go's many: the first that says what is wrong."""
    said = [line for line in lines if line and not re.match(r"^(go: downloading|#|[\w.\-/]+$)", line)]
    first = said[0] if said else "Go gave no reason"
    text = "\n".join(said)
    if "no space left on device" in text:
        return LabError(f"{doing}: the disk is full")
    if match := _NETWORK.search(text):
        line = next(line for line in said if match.group(0) in line)
        return LabError(f"{doing}: the Go module proxy cannot be reached ({line.strip()[:200]})")
    return LabError(f"{doing} failed: {first.strip()[:300]}")

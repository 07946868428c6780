"""What the containers of a pod write while it goes: in order of time, from `kubectl logs --follow`."""

from __future__ import annotations

import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

_ENDING_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class Line:
    """time: as the container runtime noted it, RFC 3339 in UTC; it sorts as text."""

    time: str
    container: str
    text: str


@dataclass(kw_only=True)
class LastWords:
    """lines: of all containers, the oldest first; there when the block that followed them has ended."""

    lines: tuple[Line, ...] = ()
    problems: list[str] = field(default_factory=list)

    def first(self, container: str, words: str) -> Line | None:
        """The container's first line with these words."""
        return next((line for line in self.lines if line.container == container and words in line.text), None)


@contextmanager
def followed(namespace: str, pod: str, containers: Sequence[str]) -> Generator[LastWords]:
    """Follows the logs until the containers have ended. The pod is to be gone when the block ends."""
    words = LastWords()
    options = ["--follow", "--timestamps", "--tail=0"]
    clients = {
        container: subprocess.Popen(
            ["kubectl", "logs", "-n", namespace, pod, "-c", container, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for container in containers
    }
    found: list[Line] = []
    try:
        yield words
    finally:
        for container, client in clients.items():
            try:
                output, errors = client.communicate(timeout=_ENDING_SECONDS)
            except subprocess.TimeoutExpired:
                client.kill()
                output, errors = client.communicate()
            if errors.strip():
                words.problems.append(errors.strip())
            for text in output.splitlines():
                time, _, rest = text.partition(" ")
                found.append(Line(time=time, container=container, text=rest))
        words.lines = tuple(sorted(found, key=lambda line: line.time))

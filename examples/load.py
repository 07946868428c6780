"""Requests at a steady rate from a pod, for as long as something else is being done."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

PER_SECOND = 20
# The end of it in any case; a rollout of three pods takes half a minute.
SECONDS = 180
_STOP = "/tmp/stop"
_ENDING_SECONDS = 30.0


@dataclass(kw_only=True)
class Load:
    """answers: `<HTTP status> <curl's exit code>` -> how many. problem: why it ended by itself, or ""."""

    answers: Counter[str] = field(default_factory=Counter)
    problem: str = ""

    @property
    def lost(self) -> int:
        """How many requests had any other end than 200."""
        return sum(count for answer, count in self.answers.items() if answer != "200 0")

    def table(self) -> str:
        """A line for each kind of answer."""
        lines = [
            f"{count:6}  HTTP {answer.split()[0]}, curl exit {answer.split()[1]}"
            for answer, count in self.answers.items()
        ]
        return "\n".join([*lines, *([self.problem] if self.problem else [])])


def command(in_pod: Sequence[str], url: str) -> list[str]:
    """A second's worth of requests, again and again until the file is there."""
    curl = f"curl -s -o /dev/null -m 10 --rate {PER_SECOND}/s"
    batch = f"{curl} -w '%{{http_code}} %{{exitcode}}\\n' '{url}?n=[1-{PER_SECOND}]'"
    loop = f"i=0; while [ ! -e {_STOP} ] && [ $i -lt {SECONDS} ]; do {batch}; i=$((i+1)); done"
    return [*in_pod, "sh", "-c", loop]


@contextmanager
def running(in_pod: Sequence[str], url: str) -> Generator[Load]:
    """The load runs while the block does; its counts are there when the block has ended.

    in_pod: `kubectl exec … --` into a pod with curl, a shell and a writable /tmp
    """
    load = Load()
    subprocess.run([*in_pod, "rm", "-f", _STOP], check=True, capture_output=True, timeout=_ENDING_SECONDS)
    client = subprocess.Popen(command(in_pod, url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield load
    finally:
        subprocess.run([*in_pod, "touch", _STOP], check=False, capture_output=True, timeout=_ENDING_SECONDS)
        try:
            output, errors = client.communicate(timeout=_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            client.kill()
            output, errors = client.communicate()
        if client.returncode != 0:
            load.problem = f"the load ended with {client.returncode}: {errors.strip()}"
        load.answers.update(line.strip() for line in output.splitlines() if line.strip())

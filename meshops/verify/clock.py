"""How long each part of the gathering takes, and which parts go on at the moment."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Generator

from meshops.progress import Progress

_SHOWN = {
    "objects": "the cluster's objects",
    "secret": "the gateway's certificate",
    "acm": "ACM",
    "edge": "the load balancer",
    "passthrough": "the passthrough hosts",
    "proxies": "istioctl proxy-status",
    "workloads": "a proxy of each application",
    "analysis": "istioctl analyze",
    "attempts": "what a tenant may do",
    "environments": "the applications' variables",
    "autoscalers": "the autoscalers",
    "traffic": "probe pods",
}


class Clock:
    """Parts overlap, and may begin and end in any thread."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._going_on: list[str] = []
        self._times: list[tuple[str, float]] = []

    @contextlib.contextmanager
    def __call__(self, name: str) -> Generator[None]:
        began = time.monotonic()
        with self._lock:
            self._going_on.append(name)
            self._show()
        try:
            yield
        finally:
            with self._lock:
                self._going_on.remove(name)
                self._times.append((name, time.monotonic() - began))
                self._show()

    @property
    def times(self) -> tuple[tuple[str, float], ...]:
        return tuple(self._times)

    def _show(self) -> None:
        if self._going_on:
            self._progress.update(f"asking {', '.join(_SHOWN[name] for name in self._going_on)}")

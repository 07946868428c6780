"""`python -m lab bench`: what one more pod with a sidecar costs in seconds, and many of them in memory."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from configuration.settings import Settings
from lab.cluster.control_plane import ControlPlane
from lab.cluster.objects import Document, Key, Objects
from lab.lifecycle.running import running
from lab.paths import PROGRAM, STACK
from lab.waiting import until
from meshops.checks.model import Table
from meshops.checks.text import table_lines
from meshops.stack_settings import stack_settings
from versions import CURL_IMAGE

NAMESPACE = "lab-bench"
ALONE = 5
"""Pods that are added one after the other, each timed."""
LIMIT_GIB = 8.0
"""What the whole lab may take with all the pods of the benchmark."""
_PATIENCE_SECONDS = 180.0
_MIB = 1024 * 1024
# Every user of the machine may watch so many sets of files. A sidecar takes three, all sidecars are of one user, and
# the kernel's default of 128 ends at some forty of them.
_WATCHES = Path("/proc/sys/fs/inotify/max_user_instances")
_ENOUGH_WATCHES = 1024


@dataclass(frozen=True, kw_only=True)
class Result:
    """seconds: from asking for a pod until it is ready, one after the other, on an otherwise quiet lab.

    together: pods added at once, and the seconds until all were ready; before, after: MiB of the whole lab
    (proportional set size: what processes share is counted once); processes: how many those were, after.
    """

    seconds: tuple[float, ...]
    together: int
    together_seconds: float
    before: float
    after: float
    processes: int

    @property
    def fits(self) -> bool:
        return self.after <= LIMIT_GIB * 1024


def command(options: argparse.Namespace) -> int:
    """Measures the running lab and prints what was found; 1 if the pods do not fit."""
    result = measure(running(), stack_settings(PROGRAM, STACK), options.pods)
    print(text(result))
    return 0 if result.fits else 1


def measure(plane: ControlPlane, settings: Settings, pods: int) -> Result:
    """Adds pods with sidecars to the running lab and takes them away again. Raises LabError."""
    objects = Objects(api=plane.api)
    before, _ = _memory(plane)
    with _watches(), _namespace(objects, settings.mesh.revision()):
        seconds = tuple(_add(objects, f"alone-{number}", 1) for number in range(ALONE))
        together = _add(objects, "together", pods - ALONE)
        after, processes = _memory(plane)
    return Result(
        seconds=seconds,
        together=pods - ALONE,
        together_seconds=together,
        before=before,
        after=after,
        processes=processes,
    )


def text(result: Result) -> str:
    """The table as docs/benchmarks.md has it."""
    pods = len(result.seconds) + result.together
    rows = (
        ("one more pod with a sidecar, ready after (median)", f"{median(result.seconds):.1f} s"),
        ("the slowest of them", f"{max(result.seconds):.1f} s"),
        (f"{result.together} more at once, all ready after", f"{result.together_seconds:.1f} s"),
        ("memory of the whole lab before", f"{result.before:.0f} MiB"),
        (f"with {pods} pods more, {result.processes} processes", f"{result.after:.0f} MiB"),
        ("for each of them", f"{(result.after - result.before) / pods:.0f} MiB"),
    )
    fit = "fit" if result.fits else "do NOT fit"
    verdict = f"{pods} pods with sidecars and all of the lab {fit} into {LIMIT_GIB:g} GiB"
    return "\n".join((*table_lines(Table(header=("", ""), rows=rows)), verdict))


@contextmanager
def _watches() -> Generator[None]:
    """The one thing that is changed outside of the lab, and said: the machine's limit, for as long as this takes."""
    before = _WATCHES.read_text(encoding="utf-8").strip()
    if int(before) >= _ENOUGH_WATCHES:
        yield
        return
    print(f"fs.inotify.max_user_instances is {before}: {_ENOUGH_WATCHES} until the benchmark is done", flush=True)
    _WATCHES.write_text(str(_ENOUGH_WATCHES), encoding="utf-8")
    try:
        yield
    finally:
        _WATCHES.write_text(before, encoding="utf-8")


@contextmanager
def _namespace(objects: Objects, revision: str) -> Generator[None]:
    key = Key(api_version="v1", kind="Namespace", namespace="", name=NAMESPACE)
    labels = {"istio.io/rev": revision}
    objects.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}})
    try:
        yield
    finally:
        objects.delete(key)
        until(lambda: objects.get(key) is None, seconds=_PATIENCE_SECONDS, what="the benchmark's pods to go")


def _add(objects: Objects, name: str, replicas: int) -> float:
    """Seconds until all replicas of a new Deployment are ready."""
    began = time.monotonic()
    objects.apply(_deployment(name, replicas))
    key = Key(api_version="apps/v1", kind="Deployment", namespace=NAMESPACE, name=name)

    def ready() -> bool:
        status = (objects.get(key) or {}).get("status", {})
        return status.get("readyReplicas", 0) == replicas

    until(ready, seconds=_PATIENCE_SECONDS, what=f"{replicas} pods of {name} to be ready")
    return time.monotonic() - began


def _deployment(name: str, replicas: int) -> Document:
    labels = {"app": name}
    container = {"name": "idle", "image": CURL_IMAGE, "command": ["sleep", "infinity"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
            },
        },
    }


def _memory(plane: ControlPlane) -> tuple[float, int]:
    """MiB and number of all processes of this lab: those on record and what they started."""
    wanted = {record.pid for record in plane.state.records() if record.alive()}
    parents = dict(_parents())
    sizes = [_proportional(pid) for pid in parents if _descends(pid, wanted, parents)]
    return sum(sizes) / _MIB, len(sizes)


def _parents() -> Iterator[tuple[int, int]]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                stat = Path(f"/proc/{name}/stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            yield int(name), int(stat.rpartition(")")[2].split()[1])


def _descends(pid: int, wanted: set[int], parents: dict[int, int]) -> bool:
    while pid in parents:
        if pid in wanted:
            return True
        pid = parents[pid]
    return False


def _proportional(pid: int) -> int:
    """Bytes; 0 for a process that has just gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)

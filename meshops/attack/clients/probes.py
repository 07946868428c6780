"""Makes the shots: from this machine, and by pods that are removed whatever happens."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from manifests.images import Images
from meshops.attack.clients.pods import attack_pod, cage, ended, portions, printed, shared_client
from meshops.attack.ground import BESIDE, CAGED
from meshops.attack.model import Answer, Shot
from meshops.attack.place import Place
from meshops.attack.wire.exchange import perform
from meshops.checks.model import Unavailable
from meshops.progress import Progress
from meshops.tools import ToolError, Tools, as_list
from meshops.verify.facts import RUN_LABEL
from meshops.verify.probes.pods import CONTAINER, namespace_document, run_namespace
from meshops.verify.probes.runs import pod_ended, why_not

_BATCH = 20
"""Attack pods at a time."""
_START_SECONDS = 150
_QUIET_SECONDS = 90
"""A pod that has begun and says nothing for so long says nothing more."""
_POLL_SECONDS = 1.0
_INTERNET_WORKERS = 8
_READY_NAME = "kubernetes.default.svc.cluster.local"
# Whose NetworkPolicy lets them ask no DNS.
_NAMELESS = (BESIDE, CAGED)
_REMEDY = "See why the attack pods did not run: kubectl describe pod -A -l app.kubernetes.io/managed-by=meshops-verify."


@dataclass(frozen=True, kw_only=True)
class Job:
    """One pod: its place and its share of the tasks."""

    name: str
    place: Place
    tasks: tuple[Mapping[str, Any], ...]

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(task["id"] for task in self.tasks)


class AttackPods:
    """One run's pods, as a context manager: whatever happens, they are gone in the end."""

    def __init__(self, tools: Tools, images: Images, run: str, istiod: str, progress: Progress) -> None:
        self._tools = tools
        self._images = images
        self._run = run
        self._istiod = istiod
        self._progress = progress
        self._made = 0
        self._namespace = False

    def __enter__(self) -> AttackPods:
        return self

    def __exit__(self, *problem: object) -> None:
        if self._made:
            self._kubectl("delete", "pods", "--all-namespaces", self._selector, "--ignore-not-found", "--wait=false",
                          "--grace-period=1")  # fmt: skip
        if self._namespace:
            self._kubectl("delete", "namespace", run_namespace(self._run), "--ignore-not-found", "--wait=false")

    @property
    def _selector(self) -> str:
        return f"--selector={RUN_LABEL}={self._run}"

    def answers(self, shots: Mapping[str, Shot]) -> dict[str, Answer]:
        """Id -> what came back. Raises ToolError."""
        by_place: dict[Place, list[Mapping[str, Any]]] = {}
        for id, shot in shots.items():
            task: dict[str, Any] = {"id": id, **shot.task, "ready": "" if shot.place in _NAMELESS else _READY_NAME}
            task["walled"] = _walled(shot.place)
            if (task.get("tls") or {}).get("certificate") == "own":
                task["istiod"] = self._istiod
            by_place.setdefault(shot.place, []).append(task)
        shares = [
            (place, portion)
            for place, of_place in by_place.items()
            if place.client is not None
            for portion in portions(of_place)
        ]
        jobs = [
            Job(name=f"meshops-attack-{self._run}-{number}", place=place, tasks=tuple(tasks))
            for number, (place, tasks) in enumerate(shares, start=self._made)
        ]
        internet = [task for place, tasks in by_place.items() if place.client is None for task in tasks]
        with ThreadPoolExecutor(max_workers=_INTERNET_WORKERS) as pool:
            from_here = [pool.submit(perform, dict(task)) for task in internet]
            found: dict[str, Mapping[str, Any] | Unavailable] = {}
            for start in range(0, len(jobs), _BATCH):
                found |= self._batch(jobs[start : start + _BATCH], done=len(found), total=len(shots))
            if lost := [job for job in jobs if all(isinstance(found[id], Unavailable) for id in job.ids)]:
                # On a busy node a pod may not come up in time: once more, by themselves.
                again = [replace(job, name=f"{job.name}-again") for job in lost]
                found |= self._batch(again, done=len(found), total=len(shots))
            found |= {future.result()["id"]: future.result() for future in from_here}
        return {id: _answer(found[id]) for id in shots}

    def _batch(self, jobs: Sequence[Job], *, done: int, total: int) -> dict[str, Mapping[str, Any] | Unavailable]:
        documents: list[Any] = []
        if shared_client(job.place for job in jobs) and not self._namespace:
            documents += [namespace_document(self._run), cage(self._run)]
            self._namespace = True
        documents += [attack_pod(job.name, job.place, job.tasks, run=self._run, images=self._images) for job in jobs]
        self._made += len(jobs)  # before they exist, so that an interruption finds them
        text = as_list(documents)
        self._kubectl("create", "--validate=false", "--filename=-", stdin=text)
        found: dict[str, Mapping[str, Any] | Unavailable] = {}
        waiting = {job.name: job for job in jobs}
        heard = dict.fromkeys(waiting, (0, time.monotonic() + _START_SECONDS))
        while waiting:
            time.sleep(_POLL_SECONDS)
            # In this order: what has ended by now has printed all that it will.
            states = self._states()
            outputs = self._outputs(waiting.values())
            for job in tuple(waiting.values()):
                answers = printed(outputs[job.name])
                if len(answers) != heard[job.name][0]:
                    heard[job.name] = (len(answers), time.monotonic() + _QUIET_SECONDS)
                over = time.monotonic() > heard[job.name][1] or pod_ended(states.get(job.name))
                if ended(outputs[job.name]) or over:
                    silent = Unavailable(
                        reason=f"Attack pod {job.name} ({job.place.named}) said nothing about it: "
                        f"{why_not(states.get(job.name))}",
                        remedy=_REMEDY,
                    )
                    found |= {id: answers.get(id, silent) for id in job.ids}
                    del waiting[job.name]
                    self._kubectl("delete", "pod", job.name, f"--namespace={self._home(job)}", "--wait=false",
                                  "--ignore-not-found")  # fmt: skip
            said = sum(len(printed(output)) for output in outputs.values())
            self._progress.update(f"attacking: {min(done + len(found) + said, total)} of {total} exchanges")
        return found

    def _home(self, job: Job) -> str:
        client = job.place.client
        return (client.namespace if client else "") or run_namespace(self._run)

    def _outputs(self, jobs: Any) -> dict[str, str]:
        listed = list(jobs)
        with ThreadPoolExecutor(max_workers=4) as pool:
            return dict(zip((job.name for job in listed), pool.map(self._output, listed), strict=True))

    def _output(self, job: Job) -> str:
        try:
            return self._kubectl("logs", job.name, f"--namespace={self._home(job)}", f"--container={CONTAINER}")
        except ToolError:
            return ""  # it has not begun; if that lasts, the pod itself says why

    def _states(self) -> dict[str, Mapping[str, Any]]:
        text = self._kubectl("get", "pods", "--all-namespaces", self._selector, "--output=json")
        return {item["metadata"]["name"]: item for item in json.loads(text)["items"]}

    def _kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self._tools.ask_kubectl(*arguments, stdin=stdin, seconds=90)


def _walled(place: Place) -> bool:
    """Whether NetworkPolicies keep it from the API server, before which it may do anything. A sidecar takes every
    connection first, and lets on it what it lets."""
    client = place.client
    return place.caged or (client is not None and bool(client.namespace) and not client.injected)


def _answer(found: Mapping[str, Any] | Unavailable) -> Answer:
    if isinstance(found, Unavailable):
        return Answer(unavailable=found.reason)
    if why := found.get("unavailable"):
        return Answer(unavailable=why)
    return Answer(
        connected=bool(found["connected"]),
        received=found["received"].encode("latin-1"),
        ended=found["ended"],
        error=found["error"],
        tls=found.get("tls") or "",
        alpn=found.get("alpn") or "",
        certificate=found.get("certificate") or "",
    )

"""`make lab-logs`: the access logs of every sidecar and gateway, or all that a pod, or the
pods of a workload, write, as it comes."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from lab.cluster.api import ApiServer
from lab.cluster.control_plane import ControlPlane
from lab.cluster.objects import Objects
from lab.commands.pods import SIDECAR, Pod, all_pods, replicas
from lab.lifecycle.running import running

ALL = "all"
_LOOK_AGAIN_SECONDS = 2.0
# What a follower of everything sees of the time before it looked; one pod is shown from its start.
_EARLIER_LINES = 20
_NOT_BEGUN = "Pending"


@dataclass(frozen=True, kw_only=True)
class Source:
    """One container's log. prefix: what each of its lines begins with."""

    pod: Pod
    container: str
    prefix: str
    access_log_only: bool

    def path(self, *, follow: bool) -> str:
        """The API server's path for it."""
        query = {"container": self.container, "follow": "true" if follow else "false"}
        if self.access_log_only and follow:
            query["tailLines"] = str(_EARLIER_LINES)
        return f"/api/v1/namespaces/{quote(self.pod.namespace)}/pods/{quote(self.pod.name)}/log?{urlencode(query)}"

    def shown(self, line: str) -> bool:
        """Whether a line is shown: access logs are JSON objects, what Envoy and the agent say is not."""
        return not self.access_log_only or line.startswith("{")


def command(options: argparse.Namespace) -> int:
    """As `show`, of the running lab."""
    return show(running(), options.pod, follow=options.follow)


def sources(pods: tuple[Pod, ...], wanted: str) -> tuple[Source, ...]:
    """The logs that `wanted` means: `all`, or the pods of any name that `pods.replicas` takes. Raises LabError."""
    if wanted == ALL:
        return tuple(
            Source(pod=pod, container=SIDECAR, prefix=f"{pod.namespace}/{pod.name}", access_log_only=True)
            for pod in pods
            if pod.phase != _NOT_BEGUN and any(container.name == SIDECAR for container in pod.containers)
        )
    return tuple(
        Source(pod=pod, container=one.name, prefix=f"{pod.name}/{one.name}", access_log_only=False)
        for pod in replicas(pods, wanted)
        for one in pod.containers
    )


def show(plane: ControlPlane, wanted: str, *, follow: bool) -> int:
    """Prints the logs; with `follow` until it is interrupted, pods that come later included. Raises LabError."""
    printing = threading.Lock()
    followed: set[tuple[str, str]] = set()
    while True:
        objects = Objects(api=plane.api)
        try:
            found = sources(all_pods(objects), wanted)
        finally:
            objects.close()
        if not follow:
            for source in found:
                _print(plane.api, source, printing, follow=False)
            return 0
        for source in found:
            identity = (source.pod.uid, source.container)
            if identity not in followed and source.pod.phase != _NOT_BEGUN:
                followed.add(identity)
                threading.Thread(target=_print, args=(plane.api, source, printing), daemon=True).start()
        time.sleep(_LOOK_AGAIN_SECONDS)


def _print(api: ApiServer, source: Source, printing: threading.Lock, *, follow: bool = True) -> None:
    for line in _lines(api, source, follow=follow):
        if source.shown(line):
            with printing:
                print(f"{source.prefix} {line}", file=sys.stdout, flush=True)


def _lines(api: ApiServer, source: Source, *, follow: bool) -> Iterator[str]:
    try:
        yield from api.lines(source.path(follow=follow))
    except OSError as problem:
        yield f"(its log ends here: {problem})"

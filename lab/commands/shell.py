"""`make lab-shell`: a shell inside a container, and what of it a real cluster does not give."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence

from lab.cluster.control_plane import ControlPlane
from lab.cluster.objects import Objects
from lab.commands.pods import SIDECAR, Container, Pod, all_pods, find
from lab.lifecycle.running import running


def command(options: argparse.Namespace) -> int:
    """As `shell`, in the running lab."""
    return shell(running(), options.pod, options.container, options.command)


def shell(plane: ControlPlane, wanted: str, container: str | None, command: Sequence[str]) -> int:
    """Runs a shell, or `command`, in the pod that `wanted` names; gives its exit code. Raises LabError."""
    objects = Objects(api=plane.api)
    try:
        pod = find(all_pods(objects), wanted)
    finally:
        objects.close()
    chosen = pod.container(container)
    if not command:
        print(difference(pod, chosen), file=sys.stderr, flush=True)
    finished = subprocess.run(
        [plane.toolchain.bin("kubectl"), *exec_arguments(pod, chosen, command, terminal=sys.stdin.isatty())],
        env={**os.environ, **plane.environment},
        check=False,
    )
    return finished.returncode


def exec_arguments(pod: Pod, container: Container, command: Sequence[str], *, terminal: bool) -> list[str]:
    """kubectl's arguments. Without a command it is this machine's shell, with a prompt that says where one is."""
    inside = [*command] or ["/usr/bin/env", f"PS1={pod.name}/{container.name} $ ", "/bin/sh"]
    return [
        "exec",
        "--stdin",
        *(["--tty"] if terminal else []),
        f"--namespace={pod.namespace}",
        f"--container={container.name}",
        pod.name,
        "--",
        *inside,
    ]


def difference(pod: Pod, container: Container) -> str:
    """How this differs from the real image, and what does the same on EKS (trap 7: distroless images have no shell)."""
    debug = (
        f"kubectl debug --namespace={pod.namespace} --stdin --tty --image=busybox --target={container.name} {pod.name}"
    )
    if container.name == SIDECAR:
        debug = f"istioctl proxy-config all {pod.name}.{pod.namespace}, or {debug}"
    return (
        f"{pod.namespace}/{pod.name}, container {container.name}: its namespaces, user and volumes are the pod's, but "
        f"/bin, /usr and the shell are this machine's; {container.image} may have none (distroless). On EKS: {debug}"
    )

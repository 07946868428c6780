"""The pods of kubelet_pods.yaml in a running lab, and what tests ask of them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lab.waiting import until
from tests.whole_lab import WholeLab

NAMESPACE = "kubelet-tests"
MANIFEST = Path(__file__).parent / "kubelet_pods.yaml"
# A kubelet waits 10 s before a container is started again, and 20 s before the next time.
_PATIENCE_SECONDS = 60.0

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ScratchPods:
    """Every command is in the pods' own namespace, which is not injected."""

    lab: WholeLab

    def pod(self, name: str) -> dict[str, Any]:
        return self.lab.get("pod", name, f"--namespace={NAMESPACE}")

    def container(self, name: str) -> dict[str, Any]:
        """The status of a pod's first container."""
        return self.pod(name)["status"]["containerStatuses"][0]

    def kubectl(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return self.lab.tool("kubectl", f"--namespace={NAMESPACE}", *arguments, stdin=stdin)

    def logs(self, *arguments: str) -> list[str]:
        answer = self.kubectl("logs", *arguments)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.splitlines()

    def started(self, *arguments: str) -> subprocess.Popen[str]:
        """kubectl in the background, both of its streams in one."""
        return subprocess.Popen(
            [self.lab.plane.toolchain.bin("kubectl"), f"--namespace={NAMESPACE}", *arguments],
            env={**os.environ, **self.lab.plane.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def gateway(self) -> str:
        """The name of one of the gateway's pods."""
        found = self.lab.get("pods", "--namespace=istio-ingress", "--selector=istio=ingressgateway")["items"]
        return found[0]["metadata"]["name"]


def eventually(holds: Callable[[], T | None]) -> T:
    """What there is as soon as there is something; a test that waits in vain fails."""
    return until(holds, seconds=_PATIENCE_SECONDS, pause=0.3, what="what the test waits for")

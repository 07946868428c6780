"""What nobody means to do: parts that are gone for a while, and parts that are killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable

from lab.errors import LabError
from lab.reliability.ground import Ground
from lab.reliability.stack import FIRST, ISTIOD, WEB
from lab.reliability.steps import Act, Naive, Step
from manifests.names import GATEWAY, ISTIO_INGRESS, ISTIO_SYSTEM, KUBE_SYSTEM

_MINUTE = 60.0
_DNS_SECONDS = 10.0
_CONTROLLER = "aws-load-balancer-controller"
_WEB_COMMAND = (b"/load", b"serve", b"-http")
_AGENT_SECONDS = 5.0


def gone(namespace: str, name: str, replicas: int, seconds: float = _MINUTE) -> Act:
    """A Deployment without pods for a while."""

    def do(ground: Ground) -> None:
        where = ("scale", "deployment", name, f"--namespace={namespace}")
        ground.kubectl(*where, "--replicas=0")
        time.sleep(seconds)
        ground.kubectl(*where, f"--replicas={replicas}")
        ground.settled()

    return do


def _process_gone(name: str, seconds: float) -> Act:
    """One of the control plane's own processes away for a while."""

    def do(ground: Ground) -> None:
        ground.stop_process(name)
        try:
            time.sleep(seconds)
        finally:
            ground.start_process(name)
        ground.settled()

    return do


def _signalled(pids: Iterable[int], number: signal.Signals) -> list[int]:
    found = list(pids)
    if not found:
        raise LabError("the processes to be signalled are not there")
    for pid in found:
        os.kill(pid, number)
    return found


def _dns_stopped(ground: Ground) -> None:
    """It answers nobody and refuses nobody, which is the worst."""
    found = _signalled(ground.pod_processes(b"/coredns"), signal.SIGSTOP)
    try:
        time.sleep(_DNS_SECONDS)
    finally:
        _signalled(found, signal.SIGCONT)


def _sidecars_killed(count: int | None) -> Act:
    """Envoy of so many pods of the application, of all if None."""

    def do(ground: Ground) -> None:
        pods = list(ground.pod_processes(*_WEB_COMMAND))[:count]
        _signalled([envoy for pod in pods for envoy in ground.beside(pod, b"envoy")], signal.SIGKILL)
        time.sleep(_AGENT_SECONDS)
        ground.settled()

    return do


def _gateways_killed(count: int | None) -> Callable[[Ground], None]:
    def do(ground: Ground) -> None:
        names = ground.kubectl("get", "pods", f"--namespace={ISTIO_INGRESS}", "--output=name").split()
        ground.kubectl("delete", *names[:count], f"--namespace={ISTIO_INGRESS}", "--grace-period=0", "--force")
        ground.settled()

    return do


def _and_restarted(act: Act) -> Act:
    """While it goes on, all pods of the application are deleted."""

    def do(ground: Ground) -> None:
        ground.kubectl("delete", "pods", "--all", f"--namespace={FIRST}", "--wait=false")
        act(ground)

    return do


def _without_controller(ground: Ground) -> None:
    """New pods of the gateway are no target of the load balancer as long as nobody registers them."""
    where = ("scale", "deployment", _CONTROLLER, f"--namespace={KUBE_SYSTEM}")
    ground.kubectl(*where, "--replicas=0")
    ground.kubectl("delete", "pods", "--all", f"--namespace={ISTIO_INGRESS}", "--wait=false")
    time.sleep(_MINUTE / 2)
    ground.kubectl(*where, "--replicas=2")
    ground.settled()


STEPS: tuple[Step, ...] = (
    Step(
        name="istiod-gone",
        kind="unplanned",
        what="istiod gone for a minute",
        do=gone(ISTIO_SYSTEM, ISTIOD, 1),
        naive=Naive(
            what="and the application's pods all deleted meanwhile",
            do=_and_restarted(gone(ISTIO_SYSTEM, ISTIOD, 1, seconds=15)),
        ),
    ),
    Step(
        name="gateway-killed",
        kind="unplanned",
        what="one of two gateway pods killed",
        do=_gateways_killed(1),
        naive=Naive(what="both killed", do=_gateways_killed(None)),
    ),
    Step(
        name="sidecar-killed",
        kind="unplanned",
        what=f"the sidecar of one of two pods of `{WEB}` killed",
        do=_sidecars_killed(1),
        naive=Naive(what="of both", do=_sidecars_killed(None)),
    ),
    Step(
        name="api-server-gone",
        kind="unplanned",
        what="the API server away for a minute",
        do=_process_gone("kube-apiserver", _MINUTE),
    ),
    Step(
        name="etcd-restarted",
        kind="unplanned",
        what="etcd restarted",
        do=_process_gone("etcd", 2.0),
    ),
    Step(
        name="dns-gone",
        kind="unplanned",
        what="the cluster's DNS silent for ten seconds",
        do=_dns_stopped,
    ),
    Step(
        name="controller-gone",
        kind="unplanned",
        what="the load balancer controller gone for a minute",
        do=gone(KUBE_SYSTEM, _CONTROLLER, 2),
        naive=Naive(
            what=f"and `{GATEWAY}` restarted by deleting its pods meanwhile",
            do=_without_controller,
        ),
    ),
)

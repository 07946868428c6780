"""Steps of every day: restarts, changes of callers, routes and certificates, scaling, an Istio upgrade."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from configuration.mesh import revision_of
from lab.errors import LabError
from lab.reliability.ground import Ground
from lab.reliability.stack import FIRST, GENERATOR, GENERATOR_NAMESPACE, ISTIOD, WEB, Standing, host
from lab.reliability.steps import Act, Naive, Step
from lab.waiting import until
from manifests.names import GATEWAY, GATEWAY_TLS_SECRET, INJECTION_LABEL, ISTIO_INGRESS, ISTIO_SYSTEM
from versions import ISTIO

# A patch more than the stack's: one build plays both versions.
_NEW = ".".join([*ISTIO.split(".")[:2], str(int(ISTIO.split(".")[2]) + 1)])
# For what is in force only when it has reached every proxy.
_SECONDS = 5.0
_CARELESS: Mapping[str, Any] = {
    # What a Deployment has that says nothing of it, and a program that ends as soon as it is told to.
    "spec": {
        "minReadySeconds": 0,
        "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
    }
}


def standings(*steps: Standing) -> Act:
    """One change of the stack's settings after the other."""

    def do(ground: Ground) -> None:
        for standing in steps:
            ground.bring_to(standing)
            time.sleep(_SECONDS)

    return do


def _restart(namespace: str, name: str = "") -> Act:
    return lambda ground: ground.restart(namespace, name)


def _carelessly(namespace: str, name: str) -> Act:
    """Patched before the load: rolling to that is no part of what is measured."""

    def prepare(ground: Ground) -> None:
        ground.bring_to(Standing())
        ground.standing = None
        found = json.loads(ground.kubectl("get", "deployment", name, f"--namespace={namespace}", "--output=json"))
        containers = found["spec"]["template"]["spec"]["containers"]
        removed = [{"name": container["name"], "lifecycle": None} for container in containers]
        pod = {"containers": removed, "topologySpreadConstraints": None}
        patch = {"spec": {**_CARELESS["spec"], "template": {"spec": pod}}}
        ground.kubectl("patch", "deployment", name, f"--namespace={namespace}", f"--patch={json.dumps(patch)}")
        ground.settled()

    return prepare


def _replaced(kind: str, namespace: str, name: str) -> Act:
    """`kubectl replace --force`: deleted, and made again."""

    def do(ground: Ground) -> None:
        text = ground.kubectl("get", kind, name, f"--namespace={namespace}", "--output=json")
        ground.kubectl("delete", kind, name, f"--namespace={namespace}")
        # As long as a person takes, or a pipeline's next job.
        time.sleep(_SECONDS)
        document = json.loads(text)
        document["metadata"] = {key: document["metadata"][key] for key in ("name", "namespace")}
        ground.objects("pulumi-lab").apply(document)
        time.sleep(_SECONDS)

    return do


def _renewed(ground: Ground) -> None:
    """As `cmctl renew`: https://cert-manager.io/docs/reference/cmctl/#renew."""
    before = _serial(ground)
    condition = {"type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "reissued"}
    where = (f"--namespace={ISTIO_INGRESS}", "--subresource=status", "--type=merge")
    found = json.loads(
        ground.kubectl("get", "certificate", GATEWAY_TLS_SECRET, f"--namespace={ISTIO_INGRESS}", "--output=json")
    )
    patch = {"status": {"conditions": [*found["status"]["conditions"], condition]}}
    ground.kubectl("patch", "certificate", GATEWAY_TLS_SECRET, *where, f"--patch={json.dumps(patch)}")
    until(lambda: _serial(ground) != before, seconds=60, pause=0.5, what="cert-manager to issue it anew")
    time.sleep(_SECONDS)


def _serial(ground: Ground) -> str:
    return ground.kubectl(
        "get", "secret", GATEWAY_TLS_SECRET, f"--namespace={ISTIO_INGRESS}", "--output=jsonpath={.data.tls\\.crt}"
    )


def _scaled(*sizes: int) -> Act:
    return standings(*(Standing(web={"replicas": size}) for size in sizes))


def _scaled_by_hand(ground: Ground) -> None:
    for size in (4, 1, 2):
        ground.kubectl("scale", "deployment", WEB, f"--namespace={FIRST}", f"--replicas={size}")
        ground.settled()
        time.sleep(_SECONDS)


_SECOND: Mapping[str, Any] = {"mesh": {"secondIstioVersion": _NEW}}
_BOTH: Mapping[str, Any] = {**_SECOND, "gateway": {"istioVersion": _NEW, "minReplicas": 2, "maxReplicas": 2}}
_MOVED: Mapping[str, Any] = {"istioVersion": _NEW}
UPGRADE: tuple[Standing, ...] = (
    Standing(changes=_SECOND),
    Standing(changes=_BOTH),
    Standing(changes=_BOTH, namespace=_MOVED),
    Standing(changes=_SECOND, namespace=_MOVED),
    Standing(changes=_SECOND),
    Standing(),
)
"""A second control plane, the gateway, the workloads; and all of it back."""


def _relabelled(ground: Ground) -> None:
    """Its pods come back with sidecars of the second control plane, all at once."""
    ground.kubectl("label", "namespace", FIRST, f"{INJECTION_LABEL}={revision_of(_NEW)}", "--overwrite")
    ground.kubectl("delete", "pods", "--all", f"--namespace={FIRST}", "--wait=false")
    time.sleep(_SECONDS)
    ground.settled()


def _control_plane_first(ground: Ground) -> None:
    """The old control plane goes, the pods restart, and the new one comes: all of it by hand."""
    where = f"--namespace={ISTIO_SYSTEM}"
    ground.kubectl("scale", "deployment", ISTIOD, where, "--replicas=0")
    ground.kubectl("delete", "pods", "--all", f"--namespace={FIRST}", "--wait=false")
    time.sleep(2 * _SECONDS)
    ground.kubectl("scale", "deployment", ISTIOD, where, "--replicas=1")
    ground.kubectl("rollout", "status", f"deployment/{ISTIOD}", where, "--timeout=180s")
    # A ReplicaSet whose pods nobody could inject waits ever longer until it tries again: minutes, after these seconds.
    ground.restart(FIRST)


def _gateway_pods_deleted(ground: Ground) -> None:
    ground.kubectl("delete", "pods", "--all", f"--namespace={ISTIO_INGRESS}", "--grace-period=1")
    ground.settled()


def _drained(ground: Ground) -> None:
    """As an upgrade of the nodes does it: by eviction, which asks the PodDisruptionBudgets, and back into service."""
    node = _node_of_web(ground)
    try:
        ground.kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=240s")
        ground.settled()
    finally:
        ground.kubectl("uncordon", node)


def _on_one_node(ground: Ground) -> None:
    """As the scheduler may place pods that nothing keeps apart, and without a budget."""
    ground.bring_to(Standing())
    (other,) = _nodes(ground, GENERATOR_NAMESPACE, GENERATOR)
    ground.kubectl("cordon", other)
    try:
        _carelessly(FIRST, WEB)(ground)
    finally:
        ground.kubectl("uncordon", other)
    ground.kubectl("delete", "poddisruptionbudget", WEB, f"--namespace={FIRST}")


def _spread(ground: Ground) -> None:
    """After the last drain everything may stand on one node."""
    ground.bring_to(Standing())
    for namespace in (FIRST, ISTIO_INGRESS):
        ground.restart(namespace)


def _node_of_web(ground: Ground) -> str:
    """With a pod of the application, and without the generator's, which is no part of the step. Raises LabError."""
    nodes = _nodes(ground, FIRST, WEB) - _nodes(ground, GENERATOR_NAMESPACE, GENERATOR)
    if not nodes:
        raise LabError(f"no node with a pod of {FIRST}/{WEB} can be drained: the generator is on it")
    return min(nodes)


def _nodes(ground: Ground, namespace: str, name: str) -> set[str]:
    where = (f"--namespace={namespace}", f"--selector=app={name}")
    return set(ground.kubectl("get", "pods", *where, "--output=jsonpath={.items[*].spec.nodeName}").split())


_CALLERS = {"application": f"{GENERATOR_NAMESPACE}/{GENERATOR}"}

STEPS: tuple[Step, ...] = (
    Step(
        name="restart-application",
        kind="planned",
        what="rolling restart of an application",
        do=_restart(FIRST),
        naive=Naive(
            what="the same without preStop, `minReadySeconds` and with Kubernetes' default surge",
            leaves=True,
            prepare=_carelessly(FIRST, WEB),
            do=_restart(FIRST),
        ),
    ),
    Step(
        name="restart-gateway",
        kind="planned",
        what="rolling restart of the gateway",
        do=_restart(ISTIO_INGRESS, GATEWAY),
        naive=Naive(
            what="all its pods deleted at once, with a second to end in",
            do=_gateway_pods_deleted,
        ),
    ),
    Step(
        name="restart-istiod",
        kind="planned",
        what="rolling restart of istiod",
        do=_restart(ISTIO_SYSTEM, ISTIOD),
        naive=Naive(
            what="istiod scaled to 0 and back, and all pods of the application deleted meanwhile",
            do=_control_plane_first,
        ),
    ),
    Step(
        name="change-callers",
        kind="planned",
        what="an application's callers get a method more, and lose it",
        do=standings(
            Standing(web={"callers": [{**_CALLERS, "methods": ["GET", "HEAD"], "paths": ["/", "/more"]}]}), Standing()
        ),
        naive=Naive(
            what="its AuthorizationPolicy deleted and made again", do=_replaced("authorizationpolicy", FIRST, WEB)
        ),
    ),
    Step(
        name="change-route",
        kind="planned",
        what="an application gets a public host more, and loses it",
        do=standings(Standing(web={"hosts": [host(FIRST), "more.lab.example.com"]}), Standing()),
        naive=Naive(what="its VirtualService deleted and made again", do=_replaced("virtualservice", FIRST, WEB)),
    ),
    Step(
        name="change-certificate",
        kind="planned",
        what="the gateway's certificate is renewed",
        do=_renewed,
    ),
    Step(
        name="scale",
        kind="planned",
        what="an application from 2 pods to 4 and back",
        do=_scaled(4, 2),
        naive=Naive(
            what="by hand from 2 to 4, 1 and 2, without preStop",
            leaves=True,
            prepare=_carelessly(FIRST, WEB),
            do=_scaled_by_hand,
        ),
    ),
    Step(
        name="drain-node",
        kind="planned",
        what="one of two nodes drained, and back in service",
        prepare=_spread,
        do=_drained,
        naive=Naive(
            what="the same without spread, budget and preStop of the application",
            leaves=True,
            prepare=_on_one_node,
            do=_drained,
        ),
    ),
    Step(
        name="istio-upgrade",
        kind="planned",
        what="a second istiod beside the first, the gateway and an application moved to it, and back",
        do=standings(*UPGRADE),
        naive=Naive(
            what="the namespace labelled by hand and all its pods deleted, as many upgrade a cluster",
            leaves=True,
            prepare=lambda ground: ground.bring_to(UPGRADE[0]),
            do=_relabelled,
        ),
    ),
)

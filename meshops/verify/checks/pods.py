"""Configuration, the running side: sidecars, synchronisation, images."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from configuration.applications import Namespace
from manifests.images import Images
from manifests.load_balancer_controller import CONTROLLER
from manifests.names import KUBE_SYSTEM
from manifests.namespace import platform_namespaces
from meshops.checks.model import Verdict
from meshops.verify.check import Layer, check
from meshops.verify.facts import Pod
from meshops.verify.subject import Subject
from meshops.verify.tally import Tally

_LAYER: Layer = "Configuration"
_START = timedelta(minutes=2)


@check(
    "MV601",
    _LAYER,
    name="Every pod has its sidecar",
    shows="Every pod of a namespace in the mesh, and every gateway pod, runs a proxy and is ready; no application's "
    "pod outside the mesh runs one.",
    how="The pods of those namespaces, as the API server has them.",
    severity="critical",
    remedy="Restart the workload: a pod gets its sidecar only when it is made (kubectl rollout restart). One that is "
    "not ready says why: kubectl describe pod.",
)
def sidecars(subject: Subject) -> Verdict:
    tally = Tally()
    for pod in injected_pods(subject):
        if not pod.sidecar:
            tally.failed(f"{pod} has no sidecar")
        elif not pod.ready and _is_starting(subject, pod):
            tally.note(f"{pod} is starting, beside others that are ready")
        elif not pod.ready:
            tally.failed(f"{pod} is not ready ({pod.phase})")
        else:
            tally.passed(str(pod))
    for namespace in subject.stack.namespaces:
        for application in namespace.applications:
            there = subject.objects.pods_of(namespace.name, {"app": application.name})
            if namespace.in_mesh and not there:
                tally.failed(f"{namespace.name}/{application.name} has no pod at all")
            for pod in there if not namespace.in_mesh else ():
                if pod.sidecar:
                    tally.failed(f"{pod} has a sidecar and is outside the mesh")
    return tally.verdict("{count} pods, each with its sidecar and ready.", nothing="No namespace in the mesh.")


@check(
    "MV603",
    _LAYER,
    name="Data plane and control plane agree",
    shows="Every proxy has the version of the istiod that it is connected to.",
    how="istioctl proxy-status.",
    severity="high",
    remedy="Restart the workloads whose proxies are older: kubectl rollout restart.",
    needs=("proxies",),
)
def versions_agree(subject: Subject) -> Verdict:
    tally = Tally()
    versions = sorted({proxy.control_plane for proxy in subject.proxies})
    for proxy in subject.proxies:
        if not proxy.version or not proxy.control_plane:
            tally.unknown(f"{proxy.pod}: istioctl shows no version")
        elif proxy.version != proxy.control_plane:
            tally.failed(f"{proxy.pod} is {proxy.version}, its istiod {proxy.control_plane}")
        else:
            tally.passed(f"{proxy.pod}: {proxy.version}")
    return tally.verdict("{count} proxies, all of " + f"{', '.join(versions)} as istiod.")


@check(
    "MV604",
    _LAYER,
    name="Proxies are in sync",
    shows="Every pod with a sidecar is connected to istiod and has acknowledged all of its configuration.",
    how="istioctl proxy-status, asked for up to 15 seconds while a push is on its way, compared with the pods that "
    "have a sidecar.",
    severity="high",
    remedy="See `istioctl proxy-status <pod>.<namespace>` for the difference, and the pod's istio-proxy log.",
    needs=("proxies",),
)
def in_sync(subject: Subject) -> Verdict:
    tally = Tally()
    connected = {proxy.pod: proxy for proxy in subject.proxies}
    for pod in injected_pods(subject):
        if not pod.sidecar:
            continue
        proxy = connected.get(str(pod))
        if proxy is None:
            tally.failed(f"{pod} is not connected to istiod")
        elif proxy.stale:
            tally.failed(f"{pod}: {', '.join(proxy.stale)}")
        else:
            tally.passed(f"{pod}: in sync")
    return tally.verdict("{count} proxies in sync.", nothing="No namespace in the mesh.")


@check(
    "MV613",
    _LAYER,
    name="Images come from the registry set",
    shows="With imageRegistry set, no pod of the mesh or of its platform runs an image of a public registry; and every "
    "application that the program deploys runs the image of the settings.",
    how="The images of every container of those pods.",
    severity="high",
    remedy="See who set the image; `pulumi up` sets it again. An image of somebody else's chart needs its own values.",
)
def images(subject: Subject) -> Verdict:
    tally = Tally()
    registry = subject.stack.images
    for pod in own_pods(subject):
        public = [image for image in pod.images if registry.ref(image) != image]
        if public:
            tally.failed(f"{pod} runs {', '.join(public)}")
        else:
            tally.passed(f"{pod}: {', '.join(pod.images)}")
    for namespace in subject.stack.namespaces:
        _own_images(tally, subject, namespace, registry)
    where = f"from {registry.registry}" if registry.registry else "as the settings name them; no imageRegistry is set"
    return tally.verdict("{count} pods, all images " + f"{where}.")


def _own_images(tally: Tally, subject: Subject, namespace: Namespace, registry: Images) -> None:
    for application in namespace.applications:
        if application.workload != "managed" or not application.image:
            continue
        wanted = registry.ref(application.image)
        for pod in subject.objects.pods_of(namespace.name, {"app": application.name}):
            if wanted not in pod.images:
                tally.failed(f"{pod} runs {', '.join(pod.images)}, the settings say {wanted}")


def _is_starting(subject: Subject, pod: Pod) -> bool:
    """An autoscaler or a node's end makes pods at any time."""
    young = pod.made is not None and subject.now - pod.made < _START
    others = (other for other in subject.objects.pods if other.namespace == pod.namespace and other.ready)
    return young and any(other.labels.get("app") == pod.labels.get("app") for other in others)


def injected_pods(subject: Subject) -> Iterator[Pod]:
    """The pods that must have a proxy."""
    wanted = subject.stack.injected_namespaces
    for pod in subject.objects.pods:
        ended = pod.phase in ("Succeeded", "Failed")
        if pod.namespace in wanted and not (pod.leaving or ended or pod.host_network):
            yield pod


def own_pods(subject: Subject) -> Iterator[Pod]:
    """The pods of the stack's namespaces and of the platform."""
    namespaces = {namespace.name for namespace in subject.stack.namespaces}
    cluster = subject.stack.settings.cluster
    namespaces |= {*platform_namespaces(cluster)}
    # Of kube-system only what this program installs: the rest is the cluster's own.
    installed = {"istio-cni-node", *(() if cluster.provided.load_balancer_controller else (CONTROLLER,))}
    for pod in subject.objects.pods:
        in_kube_system = pod.namespace == KUBE_SYSTEM and not installed.isdisjoint(pod.labels.values())
        if not pod.leaving and (pod.namespace in namespaces or in_kube_system):
            yield pod

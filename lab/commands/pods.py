"""Pods by the names that people use, for the commands that look into one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lab.cluster.objects import Document, Objects
from lab.errors import LabError

SIDECAR = "istio-proxy"
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


@dataclass(frozen=True, kw_only=True)
class Container:
    """One container of a pod. kind: `init`, `app` or `debug`."""

    name: str
    image: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class Pod:
    """What is needed to look into a pod; containers in the pod's own order, init containers first."""

    namespace: str
    name: str
    uid: str
    phase: str
    containers: tuple[Container, ...]
    default: str
    """The container that is meant when none is named."""

    def container(self, name: str | None) -> Container:
        """The container of that name, or the default one. Raises LabError."""
        wanted = name or self.default
        for one in self.containers:
            if one.name == wanted:
                return one
        known = ", ".join(one.name for one in self.containers)
        raise LabError(f"pod {self.namespace}/{self.name} has no container {wanted!r}; it has {known}")


def all_pods(objects: Objects) -> tuple[Pod, ...]:
    """Every pod, by namespace and name."""
    found = [pod_of(document) for document in objects.listed("v1", "Pod")]
    return tuple(sorted(found, key=lambda pod: (pod.namespace, pod.name)))


def pod_of(document: Document) -> Pod:
    """The pod of an API document."""
    metadata, spec = document["metadata"], document["spec"]
    containers = (
        *_containers(spec.get("initContainers", ()), "init"),
        *_containers(spec["containers"], "app"),
        *_containers(spec.get("ephemeralContainers", ()), "debug"),
    )
    return Pod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        phase=document.get("status", {}).get("phase", ""),
        containers=containers,
        default=metadata.get("annotations", {}).get(_DEFAULT_CONTAINER, spec["containers"][0]["name"]),
    )


def find(pods: Iterable[Pod], wanted: str) -> Pod:
    """The pod that `wanted` names: `name` or `namespace/name`, whole or how it begins.

    Of several that begin so, all of one workload, the first; raises LabError for none or for several workloads.
    """
    namespace, _, name = wanted.rpartition("/")
    candidates = [pod for pod in pods if namespace in ("", pod.namespace) and pod.name.startswith(name)]
    exact = [pod for pod in candidates if pod.name == name]
    if len(exact) == 1:
        return exact[0]
    if not candidates:
        raise LabError(f"there is no pod {wanted!r} in the lab: kubectl get pods --all-namespaces lists them")
    workloads = {(pod.namespace, pod.name.rsplit("-", 2)[0]) for pod in candidates}
    if len(workloads) > 1:
        known = ", ".join(f"{pod.namespace}/{pod.name}" for pod in candidates)
        raise LabError(f"{wanted!r} may be any of {known}: name one of them")
    running = [pod for pod in candidates if pod.phase == "Running"]
    return (running or candidates)[0]


def replicas(pods: Iterable[Pod], wanted: str) -> tuple[Pod, ...]:
    """As `find`, and if that names no pod but a workload, all its pods. Raises LabError."""
    known = tuple(pods)
    found = find(known, wanted)
    if wanted.rpartition("/")[2] == found.name:
        return (found,)
    workload = found.name.rsplit("-", 2)[0]
    return tuple(pod for pod in known if (pod.namespace, pod.name.rsplit("-", 2)[0]) == (found.namespace, workload))


def _containers(documents: Iterable[Document], kind: str) -> Iterable[Container]:
    return (Container(name=document["name"], image=document["image"], kind=kind) for document in documents)
